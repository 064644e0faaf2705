// SPDX-License-Identifier: Apache-2.0

package session

import (
	"testing"

	"github.com/go-quicktest/qt"
)

func TestNearestFindsWhatWasMeant(t *testing.T) {
	t.Parallel()
	names := []string{"web", "web-1", "webshop", "db", "cache", "postgres", "web"}
	for _, tt := range []struct {
		want    string
		limit   int
		nearest []string
	}{
		{"wbe", 3, []string{"web"}},
		{"wev", 3, []string{"web"}},
		{"web", 2, []string{"web", "web-1"}},
		{"shop", 3, []string{"webshop"}},
		{"postgers", 3, []string{"postgres"}},
		{"my-postgres-db", 3, []string{"postgres", "db"}},
		{"POSTGRES", 3, []string{"postgres"}},
		{"cach*", 3, []string{"cache"}},
		{"!cachee", 3, []string{"cache"}},
		{"nothing-like-it", 3, nil},
		{"*", 3, nil},
		{"web", 0, nil},
	} {
		got := nearest(tt.want, names, tt.limit)
		qt.Check(t, qt.DeepEquals(got, tt.nearest), qt.Commentf("%q", tt.want))
	}
}

func TestNearestIgnoresContainersWithoutAName(t *testing.T) {
	t.Parallel()
	qt.Assert(t, qt.HasLen(nearest("web", []string{"", "a"}, 3), 0))
}
