"""The real processes of kairos on one machine: started, watched, stopped by recorded pid."""
