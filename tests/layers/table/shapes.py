"""Shapes that rows share, so that programs are shared too."""

SEQ, IMG, VOL = (2, 7, 3), (2, 6, 7, 4), (2, 5, 4, 6, 2)
SEQ_FIRST, IMG_FIRST, VOL_FIRST = (2, 3, 7), (2, 4, 6, 7), (2, 2, 5, 4, 6)
OF = {1: SEQ, 2: IMG, 3: VOL}
FIRST = {1: SEQ_FIRST, 2: IMG_FIRST, 3: VOL_FIRST}
#: the spatial axes, by rank
OPEN = {1: (1,), 2: (1, 2), 3: (1, 2, 3)}
OPEN_FIRST = {1: (2,), 2: (2, 3), 3: (2, 3, 4)}
