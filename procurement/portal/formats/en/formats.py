# Day first with the month in letters: nobody takes 5 June for 6 May.
DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y H:i"
SHORT_DATE_FORMAT = "j M y"
DATE_INPUT_FORMATS = ["%Y-%m-%d"]
