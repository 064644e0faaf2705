// SPDX-License-Identifier: Apache-2.0

// Package containertest has the tests that every [container.Source] must pass,
// and a recorder of events for tests of one source.
//
// A source's own test calls [Run] with a [Harness] that starts and stops
// containers of its runtime. What is awaited has to come within half a minute, or
// the test fails.
package containertest
