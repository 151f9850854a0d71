/** Writes what starts an evaluation every night: units for systemd, cron, Kubernetes, Airflow. */
package dev.millrace.jobs.evaluate.schedule;
