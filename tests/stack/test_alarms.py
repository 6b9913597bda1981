"""Tests each alarm of template.yaml on simulated data, at a thousand and at a million uploads a month.

Most tests add a fault to hours of healthy traffic. The alarm for this fault must fire in time, but not before it.
"""

import itertools
import unittest

from cloudwatch import Samples, first_alarm, metrics
from stack import of_type

ALARMS = {name: alarm["Properties"] for name, alarm in of_type("AWS::CloudWatch::Alarm").items()}
# Uploads per month. Each upload is followed by four reads and a build; see docs/cost.md.
VOLUMES = [1_000, 1_000_000]
HOUR = 3_600
MONTH = 30 * 24 * HOUR
# The data begins two hours before the fault, so that every alarm has earlier data.
FAULT = 2 * HOUR
END = 5 * HOUR

OURS = "PackUpload/${AWS::StackName}"
REQUESTS = ("AWS/ApiGateway", "Count", ("ApiId", "HttpApi"))
ERRORS = ("AWS/ApiGateway", "5xx", ("ApiId", "HttpApi"))
LATENCY = ("AWS/ApiGateway", "Latency", ("ApiId", "HttpApi"))
AGE = (OURS, "OldestBuildAge")
PROBE = ("AWS/Lambda", "Errors", ("FunctionName", "Probe"))


def lambda_metric(name, function):
    return ("AWS/Lambda", name, ("FunctionName", function))


def waiting(queue):
    return ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName", f"{queue}.QueueName"))


def times(per_month, start=0):
    """Yields the times of events that are spread evenly over a month."""
    interval = MONTH / per_month
    first = -(-start // interval)
    return itertools.takewhile(lambda time: time < END, (interval * n for n in itertools.count(first)))


def traffic(uploads, error=lambda n: False, slow=lambda n: False, requeue_until=END, age=0, probe_fails=False):
    """Returns the metrics of a stack. From `FAULT` on, `error` and `slow` select requests by their number."""
    samples = Samples()
    # For each upload, five requests two seconds apart: the upload and four reads. docs/cost.md counts six, because it
    # counts an upload of 1 MB as two billed requests.
    requests = (time + 2 * n for time in times(uploads) for n in range(5))
    for n, time in enumerate(requests):
        faulty = time >= FAULT
        samples.add(REQUESTS, time, 1)
        samples.add(ERRORS, time, int(faulty and error(n)))
        samples.add(LATENCY, time, 9_000 if faulty and slow(n) else 300)
        samples.add(lambda_metric("Errors", "ApiFunction"), time, 0)
        samples.add(lambda_metric("Throttles", "ApiFunction"), time, 0)
    for time in range(0, requeue_until, 300):
        samples.add(AGE, time + 7, age if time >= FAULT else 0)
    for time in range(0, END, 300):
        samples.add(PROBE, time + 9, int(probe_fails and time >= FAULT))
    return samples


class Alarms(unittest.TestCase):
    tested = set()

    def assert_fires(self, name, samples, within=HOUR):
        self.tested.add(name)
        self.assertIsNone(first_alarm(ALARMS[name], samples, HOUR, FAULT), f"{name} fires before the fault")
        self.assertIsNotNone(first_alarm(ALARMS[name], samples, FAULT, FAULT + within), f"{name} does not fire")

    @classmethod
    def tearDownClass(cls):
        untested = ALARMS.keys() - cls.tested
        assert not untested, f"alarms without a test: {untested}"

    def each_volume(self):
        for uploads in VOLUMES:
            with self.subTest(uploads=uploads):
                yield uploads

    def test_no_alarm_fires_on_healthy_traffic(self):
        for uploads in self.each_volume():
            samples = traffic(uploads)
            for name, alarm in ALARMS.items():
                self.assertIsNone(first_alarm(alarm, samples, HOUR, END), name)

    def test_server_errors_fire_when_every_request_fails(self):
        for uploads in self.each_volume():
            self.assert_fires("ServerErrorsAlarm", traffic(uploads, error=lambda n: True), within=2 * HOUR)

    def test_server_errors_fire_when_two_percent_of_many_requests_fail(self):
        self.assert_fires("ServerErrorsAlarm", traffic(1_000_000, error=lambda n: n % 50 == 0), within=HOUR // 4)

    def test_one_server_error_does_not_fire(self):
        for uploads in self.each_volume():
            numbers = itertools.count()
            samples = traffic(uploads, error=lambda n: next(numbers) == 0)
            self.assertIsNone(first_alarm(ALARMS["ServerErrorsAlarm"], samples, HOUR, END))

    def test_latency_fires_when_every_request_is_slow(self):
        for uploads in self.each_volume():
            self.assert_fires("LatencyAlarm", traffic(uploads, slow=lambda n: True), within=2 * HOUR)

    def test_latency_fires_when_two_percent_of_many_requests_are_slow(self):
        self.assert_fires("LatencyAlarm", traffic(1_000_000, slow=lambda n: n % 50 == 0), within=HOUR // 2)

    def test_one_error_of_any_function_fires_within_two_minutes(self):
        for uploads in self.each_volume():
            for function in ["ApiFunction", "BuilderFunction", "RequeueFunction"]:
                samples = traffic(uploads)
                samples.add(lambda_metric("Errors", function), FAULT + 1, 1)
                self.assert_fires("FunctionErrorsAlarm", samples, within=120)

    def test_one_failed_build_fires(self):
        for uploads in self.each_volume():
            for metric in metrics(ALARMS["BuildsFailedAlarm"]):
                samples = traffic(uploads)
                samples.add(metric, FAULT + 1, 1)
                self.assert_fires("BuildsFailedAlarm", samples, within=600)

    def test_throttles_fire_for_each_of_their_metrics(self):
        for uploads in self.each_volume():
            for name in ["ThrottlesAlarm", "TableReadThrottlesAlarm", "TableWriteThrottlesAlarm"]:
                for metric in metrics(ALARMS[name]):
                    samples = traffic(uploads)
                    for time in times(uploads, FAULT):
                        samples.add(metric, time, 1)
                    self.assert_fires(name, samples, within=2 * HOUR)

    def test_a_late_build_fires(self):
        for uploads in self.each_volume():
            self.assert_fires("LateBuildsAlarm", traffic(uploads, age=700), within=600)

    def test_a_job_that_stays_in_its_queue_fires(self):
        for queue, name in [("BuildQueue", "WaitingBuildsAlarm"), ("PurgeQueue", "WaitingPurgesAlarm")]:
            for uploads in self.each_volume():
                samples = traffic(uploads)
                for time in range(FAULT, END, 60):
                    metric = ("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", f"{queue}.QueueName"))
                    samples.add(metric, time, 700)
                self.assert_fires(name, samples, within=600)

    def test_a_requeue_function_that_does_not_run_fires(self):
        for uploads in self.each_volume():
            self.assert_fires("RequeueSilentAlarm", traffic(uploads, requeue_until=FAULT), within=HOUR // 3)

    def test_a_failing_probe_fires(self):
        for uploads in self.each_volume():
            self.assert_fires("ProbeAlarm", traffic(uploads, probe_fails=True), within=900)

    def test_a_dead_letter_fires(self):
        for queue, name in [
            ("DeadLetterQueue", "DeadLettersAlarm"),
            ("PurgeDeadLetterQueue", "PurgeDeadLettersAlarm"),
        ]:
            for uploads in self.each_volume():
                samples = traffic(uploads)
                for time in range(FAULT, END, 60):
                    samples.add(waiting(queue), time, 1)
                self.assert_fires(name, samples, within=120)


class Metrics(unittest.TestCase):
    def test_throttles_of_the_table_include_each_index(self):
        (table,) = of_type("AWS::DynamoDB::Table").values()
        indexes = {index["IndexName"] for index in table["Properties"]["GlobalSecondaryIndexes"]}
        for kind in ["Read", "Write"]:
            read = metrics(ALARMS[f"Table{kind}ThrottlesAlarm"])
            self.assertEqual({metric[1] for metric in read}, {f"{kind}ThrottleEvents"})
            self.assertEqual({dict(metric[2:]).get("GlobalSecondaryIndexName") for metric in read}, {*indexes, None})

    def test_an_alarm_has_at_most_ten_metrics(self):
        for name, alarm in ALARMS.items():
            self.assertLessEqual(len(metrics(alarm)), 10, name)


if __name__ == "__main__":
    unittest.main()
