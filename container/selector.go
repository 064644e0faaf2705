// SPDX-License-Identifier: Apache-2.0

package container

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// minIDPrefix is the number of hexadecimal digits from which on a name pattern
// is taken for the beginning of an id as well.
const minIDPrefix = 4

// Selector picks containers. The patterns of one field are alternatives, the
// fields that are set must all match. The zero Selector matches everything.
//
// Its methods never change it and are safe for concurrent use. A malformed glob,
// which [ParseSelector] refuses, matches nothing.
type Selector struct {
	// Names are matched against name and id: the exact name or id; four or more
	// hexadecimal digits that begin the id; or a glob over the name. A pattern
	// that begins with "!" excludes what the rest matches and wins over every
	// other pattern; exclusions alone select everything else.
	Names []string
	// Images are globs over the image. A pattern without tag matches every tag,
	// and one without registry those of the default registry. "!" excludes.
	Images []string
	// Labels must all hold.
	Labels []Requirement
	// Runtimes are the exact names of sources.
	Runtimes []string
}

// ParseSelector makes a Selector of what a user wrote. Values of names and
// images may hold several patterns separated by commas. labels are in the
// syntax of kubectl: "a=b", "a==b", "a!=b", "a in (x,y)", "a notin (x)", "a",
// "!a", and several of them separated by commas.
//
// In a glob "*" stands for any characters, "/" included, "?" for one, and
// "[a-c]" for one of a range. Returns an error that wraps path.ErrBadPattern for one
// that is malformed.
func ParseSelector(names, images, labels []string) (Selector, error) {
	var s Selector
	var err error
	if s.Names, err = parsePatterns("container", names); err != nil {
		return Selector{}, err
	}
	if s.Images, err = parsePatterns("image", images); err != nil {
		return Selector{}, err
	}
	for _, text := range labels {
		reqs, err := parseRequirements(text)
		if err != nil {
			return Selector{}, fmt.Errorf("parse label selector %q: %w", text, err)
		}
		s.Labels = append(s.Labels, reqs...)
	}
	return s, nil
}

// Match reports whether c is selected.
func (s Selector) Match(c Container) bool {
	if len(s.Runtimes) > 0 && !slices.Contains(s.Runtimes, c.Runtime) {
		return false
	}
	return matchPatterns(s.Names, func(p string) bool { return matchName(p, c) }) &&
		matchPatterns(s.Images, func(p string) bool { return matchImage(p, c.Image) }) &&
		!slices.ContainsFunc(s.Labels, func(r Requirement) bool { return !r.Matches(c.Labels) })
}

// parsePatterns splits values at commas and checks every pattern.
func parsePatterns(what string, values []string) ([]string, error) {
	var patterns []string
	for _, value := range values {
		for p := range strings.SplitSeq(value, ",") {
			p = strings.TrimSpace(p)
			glob := strings.TrimPrefix(p, "!")
			if glob == "" {
				return nil, fmt.Errorf("parse %s pattern %q: empty pattern", what, value)
			}
			if _, err := path.Match(glob, ""); err != nil {
				return nil, fmt.Errorf("parse %s pattern %q: %w", what, p, err)
			}
			patterns = append(patterns, p)
		}
	}
	return patterns, nil
}

// matchPatterns applies alternatives and exclusions; match tests one pattern
// without its "!".
func matchPatterns(patterns []string, match func(string) bool) bool {
	wanted, included := false, false
	for _, p := range patterns {
		if excluded, ok := strings.CutPrefix(p, "!"); ok {
			if match(excluded) {
				return false
			}
			continue
		}
		wanted = true
		included = included || match(p)
	}
	return included || !wanted
}

func matchName(pattern string, c Container) bool {
	return pattern == c.Name || pattern == c.ID || isIDPrefix(pattern, c.ID) || matchGlob(pattern, c.Name)
}

func isIDPrefix(pattern, id string) bool {
	return len(pattern) >= minIDPrefix && strings.Trim(pattern, "0123456789abcdef") == "" &&
		strings.HasPrefix(id, pattern)
}

// matchImage compares with and without the parts of an image's name that people
// leave out: the tag, the digest and the default registry.
func matchImage(pattern, image string) bool {
	for _, name := range []string{
		image,
		strings.TrimPrefix(image, "docker.io/"),
		strings.TrimPrefix(image, "docker.io/library/"),
	} {
		if matchGlob(pattern, name) || matchGlob(pattern, untagged(name)) {
			return true
		}
	}
	return false
}

// untagged returns image without its digest and tag. The colon of a registry's
// port comes before a slash.
func untagged(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if i := strings.LastIndexByte(image, ':'); i > strings.LastIndexByte(image, '/') {
		return image[:i]
	}
	return image
}

// matchGlob is path.Match with "*" also standing for slashes.
func matchGlob(pattern, text string) bool {
	const noSlash = "\x00"
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", noSlash), strings.ReplaceAll(text, "/", noSlash))
	return ok && err == nil
}
