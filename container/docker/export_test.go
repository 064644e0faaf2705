// SPDX-License-Identifier: Apache-2.0

package docker

import (
	"encoding/json"
	"time"

	api "github.com/moby/moby/api/types/container"

	"github.com/boathook/boathook/container"
)

// Resolve is resolve: the host and the folder with the TLS files.
func Resolve(host string, getenv func(string) string) (string, string, error) {
	e, err := resolve(host, getenv)
	return e.host, e.tlsDir, err
}

// SetTimings shortens what a test would have to wait for.
func (s *Source) SetTimings(answer, resync, retry time.Duration) {
	s.timings = timings{answer: answer, resync: resync, retryMin: retry, retryMax: 2 * retry}
}

// Convert is fromInspect for the answer to inspect as it comes from a daemon
// with the process id pid, whose process ids are ours if samePIDs is true.
func Convert(answer []byte, pid int, samePIDs bool) (container.Container, bool, error) {
	var r api.InspectResponse
	if err := json.Unmarshal(answer, &r); err != nil {
		return container.Container{}, false, err
	}
	e, running := peer{pid: pid, samePIDs: samePIDs}.fromInspect(r)
	return e.container, running, nil
}
