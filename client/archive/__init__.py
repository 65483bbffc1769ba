"""Bring studies in: from a folder, a ZIP, a DICOMweb server or a DIMSE PACS."""
