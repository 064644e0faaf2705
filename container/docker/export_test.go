// SPDX-License-Identifier: Apache-2.0

package docker

import "time"

// Resolve is resolve: the host and the folder with the TLS files.
func Resolve(host string, getenv func(string) string) (string, string, error) {
	e, err := resolve(host, getenv)
	return e.host, e.tlsDir, err
}

// SetTimings shortens what a test would have to wait for.
func (s *Source) SetTimings(answer, resync, retry time.Duration) {
	s.timings = timings{answer: answer, resync: resync, retryMin: retry, retryMax: 2 * retry}
}
