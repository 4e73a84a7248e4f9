from tests.quality.quality import main

main()
