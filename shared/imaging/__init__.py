"""Arrays in, arrays out: windowing, resampling, stacking, augmentation."""
