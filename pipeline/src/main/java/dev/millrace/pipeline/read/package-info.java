/**
 * Input files to rows: finds files, opens them through any Beam file system, and reads the columns
 * asked for as plain values, row group by row group.
 *
 * <p>A value is one of: null, {@code Boolean}, {@code Long} (integers, dates, times and timestamps
 * in the unit of their type; unsigned 64-bit integers by their bits), {@code Float}, {@code
 * Double}, {@code BigDecimal}, {@code BigInteger} (JSON alone), {@code String}, {@code byte[]}
 * (binary, and text that is not UTF-8), {@code List}, and {@code Map} with the field names of a
 * struct in order. A map column is a list of structs of {@code key} and {@code value}.
 */
package dev.millrace.pipeline.read;
