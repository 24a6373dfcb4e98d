"""The kitchen: Celery workers that analyse images, report studies and deliver results."""
