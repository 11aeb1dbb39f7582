"""What was handed in: finds each student's file and reads it as a notebook. Start reading in `find.py`."""
