"""The disk: DICOM files to checked, ordered, decoded volumes. The only place that knows pydicom."""
