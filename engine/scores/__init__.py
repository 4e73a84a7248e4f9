"""What a training came to, in numbers: is it the subject, does the prompt still count, what else was bent or copied.

eyes        what a scorer needs of a network, and which networks this machine has
cartoon     the miniature's own; vision: CLIP and DINOv2; faces: SFace through OpenCV
probes      the few extra pictures per epoch that nobody is shown: the subject elsewhere, and what is painted without the trigger
likeness    the calibrated scale from a stranger to the subject
copies      how near pictures come to the photos they were taught with
reading     all scores of an epoch; suggestion: which epoch, why, and when to stop; worth: one number of them

Importing any of these loads no torch.
"""
