/** Strings that remember which of their characters came from data. Imports nothing of ours. */
package dev.millrace.engine.text.taint;
