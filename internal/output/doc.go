// SPDX-License-Identifier: Apache-2.0

// Package output writes records, the summary of a run and the table of ps, for
// people as columns and for programs as JSON, one object a line. The JSON is
// described in docs/schema and does not change without notice.
package output
