// SPDX-License-Identifier: Apache-2.0

package netnsdir

import (
	"os"
	"path/filepath"
	"time"

	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/netns"
)

// WaitsFor reports whether a plain file in dir is still looked at when it has
// been there for some time.
func WaitsFor(dir string, age time.Duration) bool {
	w := &watch{
		dir: dir, emit: func(container.Event) {},
		known: map[string]*netns.NS{}, waiting: map[string]time.Time{},
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil || w.scan() != nil {
		return false
	}
	w.poll(time.Now().Add(age))
	return len(w.waiting) > 0
}
