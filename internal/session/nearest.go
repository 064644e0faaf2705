// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns at most limit of names that look like want, the most similar
// first, for the hint of an error. A name is similar if few letters differ or if
// one contains the other. "!" and the wildcards of want are ignored.
func nearest(want string, names []string, limit int) []string {
	want = strings.ToLower(strings.Trim(want, "!*?"))
	if want == "" || limit <= 0 {
		return nil
	}
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, name := range names {
		lower := strings.ToLower(name)
		distance := editDistance(want, lower)
		contained := len(lower) > 1 && (strings.Contains(lower, want) || strings.Contains(want, lower))
		if contained || distance <= max(1, len(want)/3) {
			found = append(found, candidate{name, distance})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	found = slices.Compact(found)
	var list []string
	for _, c := range found[:min(limit, len(found))] {
		list = append(list, c.name)
	}
	return list
}

// editDistance counts the bytes to insert, delete, replace or swap with their
// neighbour to make a into b (optimal string alignment).
func editDistance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
