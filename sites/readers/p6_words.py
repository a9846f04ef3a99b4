"""What the words of Primavera P6 mean, as the XER and the XML of the same tool spell them."""

from sites.vocabulary import (
    ActivityKind,
    ActivityStatus,
    ConstraintKind,
    CriticalBy,
    FloatKind,
    LagCalendar,
    LinkKind,
    PercentKind,
    ProgressRule,
)

STATUS = {
    "TK_NotStart": ActivityStatus.NOT_STARTED,
    "TK_Active": ActivityStatus.IN_PROGRESS,
    "TK_Complete": ActivityStatus.COMPLETED,
    "Not Started": ActivityStatus.NOT_STARTED,
    "In Progress": ActivityStatus.IN_PROGRESS,
    "Completed": ActivityStatus.COMPLETED,
}
KIND = {
    "TT_Task": ActivityKind.TASK,
    "TT_Rsrc": ActivityKind.RESOURCE_DEPENDENT,
    "TT_LOE": ActivityKind.LEVEL_OF_EFFORT,
    "TT_Mile": ActivityKind.START_MILESTONE,
    "TT_FinMile": ActivityKind.FINISH_MILESTONE,
    "TT_WBS": ActivityKind.WBS_SUMMARY,
    "Task Dependent": ActivityKind.TASK,
    "Resource Dependent": ActivityKind.RESOURCE_DEPENDENT,
    "Level of Effort": ActivityKind.LEVEL_OF_EFFORT,
    "Start Milestone": ActivityKind.START_MILESTONE,
    "Finish Milestone": ActivityKind.FINISH_MILESTONE,
    "WBS Summary": ActivityKind.WBS_SUMMARY,
}
LINK = {
    "PR_FS": LinkKind.FINISH_START,
    "PR_SS": LinkKind.START_START,
    "PR_FF": LinkKind.FINISH_FINISH,
    "PR_SF": LinkKind.START_FINISH,
    "Finish to Start": LinkKind.FINISH_START,
    "Start to Start": LinkKind.START_START,
    "Finish to Finish": LinkKind.FINISH_FINISH,
    "Start to Finish": LinkKind.START_FINISH,
}
CONSTRAINT = {
    "CS_MSO": ConstraintKind.START_ON,
    "CS_MSOB": ConstraintKind.START_ON_OR_BEFORE,
    "CS_MSOA": ConstraintKind.START_ON_OR_AFTER,
    "CS_MEO": ConstraintKind.FINISH_ON,
    "CS_MEOB": ConstraintKind.FINISH_ON_OR_BEFORE,
    "CS_MEOA": ConstraintKind.FINISH_ON_OR_AFTER,
    "CS_MANDSTART": ConstraintKind.MANDATORY_START,
    "CS_MANDFIN": ConstraintKind.MANDATORY_FINISH,
    "CS_ALAP": ConstraintKind.AS_LATE_AS_POSSIBLE,
    "Start On": ConstraintKind.START_ON,
    "Start On or Before": ConstraintKind.START_ON_OR_BEFORE,
    "Start On or After": ConstraintKind.START_ON_OR_AFTER,
    "Finish On": ConstraintKind.FINISH_ON,
    "Finish On or Before": ConstraintKind.FINISH_ON_OR_BEFORE,
    "Finish On or After": ConstraintKind.FINISH_ON_OR_AFTER,
    "Mandatory Start": ConstraintKind.MANDATORY_START,
    "Mandatory Finish": ConstraintKind.MANDATORY_FINISH,
    "As Late As Possible": ConstraintKind.AS_LATE_AS_POSSIBLE,
}
PERCENT = {
    "CP_Drtn": PercentKind.DURATION,
    "CP_Units": PercentKind.UNITS,
    "CP_Phys": PercentKind.PHYSICAL,
    "Duration": PercentKind.DURATION,
    "Units": PercentKind.UNITS,
    "Physical": PercentKind.PHYSICAL,
    "Scope": PercentKind.PHYSICAL,
}
LAG_CALENDAR = {
    "rcal_Predecessor": LagCalendar.PREDECESSOR,
    "rcal_Successor": LagCalendar.SUCCESSOR,
    "rcal_24Hour": LagCalendar.ROUND_THE_CLOCK,
    "rcal_ProjDefault": LagCalendar.PROJECT,
    "Predecessor Activity Calendar": LagCalendar.PREDECESSOR,
    "Successor Activity Calendar": LagCalendar.SUCCESSOR,
    "24 Hour Calendar": LagCalendar.ROUND_THE_CLOCK,
    "Project Default Calendar": LagCalendar.PROJECT,
}
FLOAT_KIND = {
    "FT_FF": FloatKind.FINISH,
    "FT_SS": FloatKind.START,
    "FT_SF": FloatKind.START,
    "FT_Min": FloatKind.SMALLEST,
    "FT_MIN": FloatKind.SMALLEST,
    "FT_MN": FloatKind.SMALLEST,
    "FT_SM": FloatKind.SMALLEST,
    "Finish Float = Late Finish - Early Finish": FloatKind.FINISH,
    "Start Float = Late Start - Early Start": FloatKind.START,
    "Smallest of Start Float and Finish Float": FloatKind.SMALLEST,
}
CRITICAL_BY = {
    "CT_TotFloat": CriticalBy.FLOAT,
    "CT_DrivPath": CriticalBy.LONGEST_PATH,
    "Critical Float": CriticalBy.FLOAT,
    "Longest Path": CriticalBy.LONGEST_PATH,
}
PROGRESS = {
    "Retained Logic": ProgressRule.RETAINED_LOGIC,
    "Progress Override": ProgressRule.PROGRESS_OVERRIDE,
    "Actual Dates": ProgressRule.ACTUAL_DATES,
}
