-- Whether the label selector of `selector` matches the pod `pod`, which has its labels as label_pairs and label_keys.
-- https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements

NOT EXISTS (
  SELECT 1 FROM UNNEST(selector.selector) AS s WHERE CONCAT(s.key, '=', s.value) NOT IN UNNEST(pod.label_pairs)
)
AND NOT EXISTS (
  SELECT 1
  FROM UNNEST(selector.selector_expressions) AS e
  WHERE NOT CASE e.operator
    WHEN 'Exists' THEN e.key IN UNNEST(pod.label_keys)
    WHEN 'DoesNotExist' THEN e.key NOT IN UNNEST(pod.label_keys)
    WHEN 'In' THEN EXISTS (
      SELECT 1 FROM UNNEST(e.values) AS v WHERE CONCAT(e.key, '=', v) IN UNNEST(pod.label_pairs)
    )
    ELSE NOT EXISTS (
      SELECT 1 FROM UNNEST(e.values) AS v WHERE CONCAT(e.key, '=', v) IN UNNEST(pod.label_pairs)
    )
  END
)
