"""A schedule of any size, written as Primavera writes it, without holding it twice."""

from datetime import date, timedelta

COLUMNS = (
    "task_id", "proj_id", "wbs_id", "clndr_id", "complete_pct_type", "task_type", "status_code", "task_code",
    "task_name", "total_float_hr_cnt", "free_float_hr_cnt", "remain_drtn_hr_cnt", "target_drtn_hr_cnt",
    "late_start_date", "late_end_date", "early_start_date", "early_end_date", "target_start_date",
    "target_end_date", "driving_path_flag",
)  # fmt: skip
_FIRST = date(2026, 1, 1)
_DAYS = [(_FIRST + timedelta(days=day)).isoformat() for day in range(1600)]
_WEEK = "".join(f"(0||{day}()((0||0(s|08:00|f|16:00)())))" for day in range(2, 7))
_HOURS = f"(0||CalendarData()((0||DaysOfWeek()((0||1()()){_WEEK}(0||7()())))(0||Exceptions()())))"


def large_xer(activities: int, *, project: str = "BIG", data_date: str = "2026-11-20") -> bytes:
    """Each activity follows one of the seven before it."""
    lines = [
        "ERMHDR\t22.12\t2026-11-20\tProject\tADMIN\tSomebody\tdbx\tProject Management\tAUD",
        "%T\tPROJECT", "%F\tproj_id\tproj_short_name\tlast_recalc_date", f"%R\t1\t{project}\t{data_date} 08:00",
        "%T\tCALENDAR", "%F\tclndr_id\tclndr_name\tproj_id\tday_hr_cnt\tclndr_data", f"%R\t7\tFive days\t\t8\t{_HOURS}",
        "%T\tPROJWBS", "%F\twbs_id\tproj_id\twbs_name\tparent_wbs_id\tproj_node_flag",
        "%R\t0\t1\tBig\t\tY", *(f"%R\t{node}\t1\tNode {node}\t{(node - 1) // 5}\tN" for node in range(1, 500)),
        "%T\tTASK", "\t".join(("%F", *COLUMNS)),
    ]  # fmt: skip
    for number in range(activities):
        day = number % 1500
        early, finish, late, end = _DAYS[day], _DAYS[day + 5], _DAYS[day + 3], _DAYS[day + 8]
        lines.append(
            f"%R\t{number + 1}\t1\t{number % 500}\t7\tCP_Drtn\tTT_Task\tTK_NotStart\tA{number:07d}\tBusway {number}"
            f"\t{number % 400 - 20}\t0\t40\t40\t{late} 08:00\t{end} 16:00\t{early} 08:00\t{finish} 16:00"
            f"\t{early} 08:00\t{finish} 16:00\tN"
        )
    lines += ["%T\tTASKPRED", "%F\ttask_pred_id\ttask_id\tpred_task_id\tpred_type\tlag_hr_cnt"]
    lines += [f"%R\t{at}\t{at + 1}\t{max(1, at - at % 7)}\tPR_FS\t0" for at in range(1, activities)]
    return ("\r\n".join([*lines, "%E"]) + "\r\n").encode()
