-- What must always hold and spans more rows than a constraint sees. Every SELECT returns rows only where it does not:
-- (rule, subject, detail). Run by `manage.py check_invariants`.

SELECT 'lots_add_up_to_their_schedule_line' AS rule, s.id::text AS subject,
       format('lots %s, scheduled %s', coalesce(sum(d.quantity), 0), s.quantity) AS detail
FROM procurement_scheduleline s LEFT JOIN procurement_deliverylot d ON d.schedule_line_id = s.id
GROUP BY s.id HAVING coalesce(sum(d.quantity), 0) <> s.quantity
UNION ALL
SELECT 'the_log_says_what_its_lines_say', coalesce(v.schedule_line_id, k.schedule_line_id)::text, v.order_number
FROM longlead_log_line v FULL JOIN procurement_logline k ON k.schedule_line_id = v.schedule_line_id
WHERE to_jsonb(v) IS DISTINCT FROM to_jsonb(k)
UNION ALL
SELECT 'allocations_fit_their_lot', d.id::text, format('allocated %s of %s', sum(a.quantity), d.quantity)
FROM procurement_deliverylot d JOIN procurement_allocation a ON a.lot_id = d.id AND a.ended_at IS NULL
GROUP BY d.id HAVING sum(a.quantity) > d.quantity
UNION ALL
SELECT 'allocations_fit_their_requirement', r.id::text, format('allocated %s of %s', sum(a.quantity), r.quantity)
FROM procurement_requirement r JOIN procurement_allocation a ON a.requirement_id = r.id AND a.ended_at IS NULL
GROUP BY r.id HAVING sum(a.quantity) > r.quantity
UNION ALL
SELECT 'an_allocation_stays_at_one_site_and_class', a.id::text, r.tag
FROM procurement_allocation a JOIN procurement_requirement r ON r.id = a.requirement_id
JOIN procurement_deliverylot d ON d.id = a.lot_id JOIN procurement_scheduleline s ON s.id = d.schedule_line_id
JOIN procurement_orderline l ON l.id = s.line_id
WHERE a.ended_at IS NULL AND (s.site_id IS DISTINCT FROM r.site_id OR l.equipment_class_id <> r.equipment_class_id)
UNION ALL
SELECT 'a_cancelled_line_serves_no_requirement', a.id::text, s.id::text
FROM procurement_allocation a JOIN procurement_deliverylot d ON d.id = a.lot_id
JOIN procurement_scheduleline s ON s.id = d.schedule_line_id JOIN procurement_orderline l ON l.id = s.line_id
WHERE a.ended_at IS NULL AND (s.status = 'cancelled' OR l.status = 'cancelled')
UNION ALL
SELECT 'a_group_holds_its_own_site_and_class', r.id::text, r.tag
FROM procurement_requirement r JOIN procurement_redundancygroup g ON g.id = r.group_id
WHERE g.site_id <> r.site_id OR g.equipment_class_id <> r.equipment_class_id
UNION ALL
SELECT 'a_block_needs_groups_of_its_own_site', n.id::text, b.code
FROM procurement_groupneed n JOIN sites_block b ON b.id = n.block_id JOIN sites_phase p ON p.id = b.phase_id
JOIN procurement_redundancygroup g ON g.id = n.group_id WHERE g.site_id <> p.site_id
UNION ALL
SELECT 'a_chain_has_its_anchor_step', c.id::text, c.anchor_code
FROM sites_chain c WHERE NOT EXISTS (
    SELECT 1 FROM sites_milestone m WHERE m.chain_id = c.id AND m.code = c.anchor_code AND m.applicable)
UNION ALL
SELECT 'a_chain_has_an_owner', c.id::text, c.kind
FROM sites_chain c
WHERE NOT EXISTS (SELECT 1 FROM procurement_deliverylot d WHERE d.chain_id = c.id)
  AND NOT EXISTS (SELECT 1 FROM sites_gate g WHERE g.chain_id = c.id)
  AND NOT EXISTS (SELECT 1 FROM sites_powerpurchaseagreement p WHERE p.chain_id = c.id)
  AND NOT EXISTS (SELECT 1 FROM sites_gridconnection n WHERE n.chain_id = c.id)
  AND NOT EXISTS (SELECT 1 FROM sites_networkworks w WHERE w.chain_id = c.id)
UNION ALL
SELECT 'a_lot_and_its_chain_are_at_one_site', d.id::text, c.id::text
FROM procurement_deliverylot d JOIN sites_chain c ON c.id = d.chain_id
JOIN procurement_scheduleline s ON s.id = d.schedule_line_id WHERE c.site_id IS DISTINCT FROM s.site_id
UNION ALL
SELECT 'a_promise_supersedes_one_of_its_own_milestone', p.id::text, o.id::text
FROM sites_promise p JOIN sites_promise o ON o.id = p.supersedes_id WHERE p.milestone_id <> o.milestone_id
UNION ALL
SELECT 'a_receipt_reverses_one_of_its_own_lot', r.id::text, o.id::text
FROM procurement_receipt r JOIN procurement_receipt o ON o.id = r.reverses_id
WHERE o.lot_id <> r.lot_id OR o.quantity <> r.quantity
UNION ALL
SELECT 'a_shipment_notice_reverses_one_of_its_own_lot', r.id::text, o.id::text
FROM procurement_shipmentnotice r JOIN procurement_shipmentnotice o ON o.id = r.reverses_id
WHERE o.lot_id <> r.lot_id OR o.quantity <> r.quantity
UNION ALL
SELECT 'receipts_fit_their_lot', d.id::text, format('received %s of %s', sum(r.quantity), d.quantity)
FROM procurement_deliverylot d JOIN procurement_receipt r ON r.lot_id = d.id AND r.reverses_id IS NULL
LEFT JOIN procurement_receipt back ON back.reverses_id = r.id WHERE back.id IS NULL
GROUP BY d.id HAVING sum(r.quantity) - sum(r.over_delivered) > d.quantity
UNION ALL
SELECT 'a_serial_number_is_of_a_standing_receipt_of_its_lot', u.id::text, r.id::text
FROM procurement_unitserial u JOIN procurement_receipt r ON r.id = u.receipt_id
WHERE r.lot_id <> u.lot_id OR r.reverses_id IS NOT NULL
  OR EXISTS (SELECT 1 FROM procurement_receipt back WHERE back.reverses_id = r.id)
UNION ALL
SELECT 'serial_numbers_fit_their_receipt', r.id::text, format('%s of %s', count(*), r.quantity)
FROM procurement_receipt r JOIN procurement_unitserial u ON u.receipt_id = r.id
GROUP BY r.id HAVING count(*) > r.quantity
UNION ALL
SELECT 'a_live_lot_has_a_current_forecast', d.id::text, s.id::text
FROM procurement_deliverylot d JOIN procurement_scheduleline s ON s.id = d.schedule_line_id
JOIN procurement_orderline l ON l.id = s.line_id
WHERE d.quantity > 0 AND s.site_id IS NOT NULL AND s.status <> 'cancelled' AND l.status <> 'cancelled'
  AND NOT EXISTS (SELECT 1 FROM procurement_lotforecast f WHERE f.lot_id = d.id AND f.current)
UNION ALL
SELECT 'float_and_forecast_make_the_required_date', f.id::text, f.lot_id::text
FROM procurement_lotforecast f WHERE f.current AND f.float_days IS NOT NULL
  AND f.forecast_on + f.float_days <> f.required_on_site
UNION ALL
SELECT 'a_notice_tells_its_own_recipient_over_its_own_channel', i.id::text, n.state
FROM procurement_notificationitem i JOIN procurement_notification n ON n.id = i.notification_id
WHERE i.recipient_id <> n.recipient_id OR i.channel <> n.channel
UNION ALL
SELECT 'a_membership_of_a_machine_is_no_administrator', m.id::text, u.username
FROM sites_membership m JOIN accounts_user u ON u.id = m.person_id WHERE u.kind = 'machine' AND m.role = 'administrator'
UNION ALL
SELECT 'shares_fit_their_agreement', p.id::text, format('%s MW of %s from %s', sum(s.mw), p.contracted_mw, t.day)
FROM sites_powerpurchaseagreement p
JOIN (SELECT agreement_id, coalesce(from_on, '2000-01-01') AS day FROM sites_ppashare
      UNION SELECT h.agreement_id, x.from_on FROM sites_ppasharestep x JOIN sites_ppashare h ON h.id = x.share_id) t
  ON t.agreement_id = p.id
CROSS JOIN LATERAL (
  SELECT coalesce((SELECT x.share_mw FROM sites_ppasharestep x WHERE x.share_id = h.id AND x.from_on <= t.day
                   ORDER BY x.from_on DESC LIMIT 1), h.share_mw) AS mw
  FROM sites_ppashare h WHERE h.agreement_id = p.id AND coalesce(h.from_on, '2000-01-01') <= t.day
    AND coalesce(h.until_on, '2100-12-31') >= t.day) s
GROUP BY p.id, t.day HAVING sum(s.mw) > p.contracted_mw
UNION ALL
SELECT 'a_capacity_step_waits_for_works_of_its_own_connection', s.id::text, w.id::text
FROM sites_gridcapacitystep s JOIN sites_networkworks w ON w.id = s.works_id WHERE w.connection_id <> s.connection_id
UNION ALL
SELECT 'a_link_stays_within_its_schedule', k.id::text, s.revision_id::text
FROM sites_activitylink k JOIN sites_activity s ON s.id = k.successor_id JOIN sites_activity p ON p.id = k.predecessor_id
WHERE p.revision_id <> s.revision_id
UNION ALL
SELECT 'a_schedule_document_proves_its_hash', d.id::text, d.sha256
FROM sites_scheduledocument d WHERE encode(sha256(d.content), 'hex') <> d.sha256
UNION ALL
SELECT 'what_is_lost_is_not_in_the_schedule', g.id::text, format('%s %s', g.project_code, g.activity_code)
FROM sites_gate g
JOIN sites_schedulerevision r ON r.site_id = g.site_id AND r.project_code = g.project_code AND r.state = 'accepted'
JOIN sites_activity a ON a.revision_id = r.id AND a.code = g.activity_code
WHERE g.lost_at IS NOT NULL AND CASE g.activity_edge
  WHEN 'start' THEN coalesce(a.actual_start, a.early_start, a.planned_start)
  ELSE coalesce(a.actual_finish, a.early_finish, a.planned_finish) END IS NOT NULL
UNION ALL
SELECT 'what_is_lost_is_not_in_the_schedule', n.id::text, format('%s %s', n.project_code, n.activity_code)
FROM procurement_rosanchor n JOIN procurement_requirement q ON q.id = n.requirement_id AND q.cancelled_at IS NULL
JOIN sites_schedulerevision r ON r.site_id = q.site_id AND r.project_code = n.project_code AND r.state = 'accepted'
JOIN sites_activity a ON a.revision_id = r.id AND a.code = n.activity_code
WHERE n.lost_at IS NOT NULL AND q.ros_rule = 'anchored' AND CASE n.edge
  WHEN 'start' THEN coalesce(a.actual_start, a.early_start, a.planned_start)
  ELSE coalesce(a.actual_finish, a.early_finish, a.planned_finish) END IS NOT NULL
UNION ALL
SELECT 'a_gate_keeps_the_date_of_its_activity', g.id::text, format('%s kept', g.followed_on)
FROM sites_gate g
JOIN sites_schedulerevision r ON r.site_id = g.site_id AND r.project_code = g.project_code AND r.state = 'accepted'
JOIN sites_activity a ON a.revision_id = r.id AND a.code = g.activity_code
WHERE g.lost_at IS NULL AND g.followed_on <> (CASE g.activity_edge
  WHEN 'start' THEN coalesce(a.actual_start, a.early_start, a.planned_start)
  ELSE coalesce(a.actual_finish, a.early_finish, a.planned_finish) END)::date
ORDER BY 1, 2
