// SPDX-License-Identifier: Apache-2.0

package output

import (
	"maps"
	"slices"
	"strings"

	"github.com/boathook/boathook/container"
)

// shortID is how much of an id that is 64 hex digits people read.
const shortID = 12

// displayName is what a container is called in a column: its name, or its
// short id if it has none.
func displayName(c *container.Container) string {
	if c.Name != "" {
		return c.Name
	}
	return abbreviate(c.ID)
}

func abbreviate(id string) string {
	if len(id) == 64 && strings.Trim(id, "0123456789abcdef") == "" {
		return id[:shortID]
	}
	return id
}

func joinLabels(c *container.Container) string {
	pairs := make([]string, 0, len(c.Labels))
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		pairs = append(pairs, key+"="+c.Labels[key])
	}
	return strings.Join(pairs, " ")
}
