"""From files on a disk to volumes in patient coordinates; the only room that knows pydicom."""
