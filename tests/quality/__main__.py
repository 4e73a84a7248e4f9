from tests.quality.quality import main

if __name__ == "__main__":
    main()
