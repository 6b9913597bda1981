"""Evaluates an alarm of the template on simulated data, as CloudWatch does.

See "Alarm evaluation" in the CloudWatch user guide. Implements only what the template's alarms use: statistics,
percentiles, `FILL` and arithmetic, "M out of N" datapoints, and the treatment of missing data.
"""

import bisect
import collections
import math
import operator
import re

COMPARE = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def plain(value):
    """Returns the name in a reference: `{"Ref": "Table"}` becomes `Table`."""
    if isinstance(value, dict):
        ((function, value),) = value.items()
        return ".".join(value) if function == "Fn::GetAtt" else value
    return value


def key(metric):
    """Returns the identity of a metric: its namespace, its name and its dimensions."""
    dimensions = {each["Name"]: plain(each["Value"]) for each in metric.get("Dimensions", [])}
    return (plain(metric["Namespace"]), metric["MetricName"], *sorted(dimensions.items()))


def metrics(alarm):
    """Returns the keys of the metrics that an alarm reads."""
    stats = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return [key(metric) for metric in stats or [alarm]]


class Samples:
    """Samples of metrics. Time is in seconds and starts at 0."""

    def __init__(self):
        self.values = collections.defaultdict(list)

    def add(self, metric, time, value):
        bisect.insort(self.values[metric], (time, value))

    def within(self, metric, start, end):
        samples = self.values[metric]
        return [value for _, value in samples[bisect.bisect(samples, (start,)) : bisect.bisect(samples, (end,))]]


def statistic(name, values):
    """Returns a statistic of the samples of one period, or None if there are none."""
    if not values:
        return None
    if name == "Sum":
        return sum(values)
    if name == "Maximum":
        return max(values)
    if name == "SampleCount":
        return len(values)
    percent = float(name.removeprefix("p"))
    return sorted(values)[math.ceil(percent / 100 * len(values)) - 1]


def expression(text, values):
    """Evaluates metric math. Returns None if a metric without `FILL` is missing, or on a division by 0."""

    def fill(match):
        value = values[match[1]]
        return match[2] if value is None else str(value)

    text = re.sub(r"FILL\((\w+), (\d+)\)", fill, text)
    names = set(re.findall(r"[a-z_]+", text))
    if any(values[name] is None for name in names):
        return None
    try:
        return eval(text, {"__builtins__": {}}, values)
    except ZeroDivisionError:
        return None


def datapoint(alarm, samples, start, end):
    """Returns the value that CloudWatch compares with the threshold for one period."""
    if "Metrics" not in alarm:
        values = samples.within(key(alarm), start, end)
        name = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        if alarm.get("EvaluateLowSampleCountPercentile") == "ignore":
            # A percentile above 50 is statistically significant only with at least this many samples.
            if len(values) < 10 / (1 - float(name.removeprefix("p")) / 100):
                return None
        return statistic(name, values)
    values = {}
    for each in alarm["Metrics"]:
        if "MetricStat" in each:
            found = samples.within(key(each["MetricStat"]["Metric"]), start, end)
            values[each["Id"]] = statistic(each["MetricStat"]["Stat"], found)
    (formula,) = [each["Expression"] for each in alarm["Metrics"] if "Expression" in each]
    return expression(formula, values)


def period(alarm):
    stats = [each["MetricStat"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
    return stats[0]["Period"] if stats else alarm["Period"]


def fires(alarm, samples, end):
    """Returns whether the alarm is in the state ALARM after the last period that ends by `end`."""
    length, count = period(alarm), alarm["EvaluationPeriods"]
    end -= end % length
    points = [datapoint(alarm, samples, end - length * n, end - length * (n - 1)) for n in range(1, count + 1)]
    compare, missing = COMPARE[alarm["ComparisonOperator"]], alarm["TreatMissingData"] == "breaching"
    breaching = [missing if point is None else compare(point, alarm["Threshold"]) for point in points]
    return sum(breaching) >= alarm.get("DatapointsToAlarm", count)


def first_alarm(alarm, samples, start, end):
    """Returns the first time from `start` to `end` at which the alarm fires, or None."""
    return next((time for time in range(start, end + 1, period(alarm)) if fires(alarm, samples, time)), None)
