// SPDX-License-Identifier: Apache-2.0

package object

import (
	"fmt"
	"strings"

	"github.com/cilium/ebpf"

	"github.com/boathook/boathook/internal/fault"
)

// Want is what the user says about programs and directions.
type Want struct {
	// Programs are "NAME" or "NAME:ingress|egress|both"; none: by section and name.
	Programs []string
	// AsSchedCLS takes programs whose section says no type as tc programs.
	AsSchedCLS bool
	// Direction is "ingress", "egress" or "both"; empty is both.
	Direction string
}

// Chosen names the program for each direction; empty for none.
type Chosen struct {
	Ingress, Egress string
	// SocketFilter says that one of them is a socket filter, whose return value is
	// a length and no verdict.
	SocketFilter bool
}

// ways is a set of directions.
type ways uint8

const (
	ingress ways = 1 << iota
	egress
	both = ingress | egress
)

func parseWays(text string) (ways, error) {
	switch text {
	case "ingress":
		return ingress, nil
	case "egress":
		return egress, nil
	case "", "both":
		return both, nil
	}
	return 0, fault.Usage("ingress, egress or both", "unknown direction %q", text)
}

// Choose picks the program for each direction.
func (o *Object) Choose(want Want) (Chosen, error) {
	wanted, err := parseWays(want.Direction)
	if err != nil {
		return Chosen{}, err
	}
	candidates := o.candidates(want)
	if len(candidates) == 0 && len(want.Programs) == 0 {
		return Chosen{}, o.noCandidate(want)
	}
	picked, err := o.named(want, candidates)
	if err != nil {
		return Chosen{}, err
	}
	if len(want.Programs) == 0 {
		if picked, err = o.byName(candidates); err != nil {
			return Chosen{}, err
		}
	}
	var c Chosen
	for _, p := range picked {
		p.ways &= wanted
		if err := c.take(p); err != nil {
			return Chosen{}, err
		}
		if p.ways != 0 && o.Spec.Programs[p.name].Type == ebpf.SocketFilter {
			c.SocketFilter = true
		}
	}
	if c.Ingress == "" && c.Egress == "" {
		return Chosen{}, fault.Usage("programs: "+or(candidates, "none"), "no program of %s is for %s", o.Path, want.Direction)
	}
	return c, nil
}

// pick is a program with the directions it is for.
type pick struct {
	name string
	ways ways
}

func (c *Chosen) take(p pick) error {
	for _, slot := range []struct {
		way  ways
		word string
		name *string
	}{{ingress, "ingress", &c.Ingress}, {egress, "egress", &c.Egress}} {
		if p.ways&slot.way == 0 {
			continue
		}
		if *slot.name != "" && *slot.name != p.name {
			return fault.Usage("choose with --program NAME:"+slot.word, "programs %s and %s are both for %s", *slot.name, p.name, slot.word)
		}
		*slot.name = p.name
	}
	return nil
}

// candidates are the programs that may run on a hook: not those that others tail-call.
func (o *Object) candidates(want Want) []string {
	called := map[string]bool{}
	for _, name := range o.progArrays() {
		for _, kv := range o.Spec.Maps[name].Contents {
			if prog, ok := kv.Value.(string); ok {
				called[prog] = true
			}
		}
	}
	var names []string
	for _, name := range sortedKeys(o.Spec.Programs) {
		if !called[name] && runs(o.Spec.Programs[name].Type, want) {
			names = append(names, name)
		}
	}
	return names
}

// runs says whether programs of a type can run on a hook. What type a section means
// is for the loader to know: there are more names, as tc_ingress or ?tc, than one
// could list.
func runs(kind ebpf.ProgramType, want Want) bool {
	switch kind {
	case ebpf.SchedCLS, ebpf.SchedACT, ebpf.SocketFilter:
		return true
	default:
		return kind == ebpf.UnspecifiedProgram && want.AsSchedCLS
	}
}

func (o *Object) noCandidate(want Want) error {
	var untyped, others []string
	for _, name := range sortedKeys(o.Spec.Programs) {
		prog := o.Spec.Programs[name]
		if prog.Type == ebpf.UnspecifiedProgram {
			untyped = append(untyped, name)
		}
		others = append(others, fmt.Sprintf("%s (%s, section %s)", name, prog.Type, prog.SectionName))
	}
	hint := "it has: " + or(others, "no programs at all")
	if len(untyped) > 0 && !want.AsSchedCLS {
		hint = "if " + strings.Join(untyped, ", ") + " is meant for tc: --as sched_cls"
	}
	return fault.Failure(hint, "%s: %w", o.Path, errNoCandidate)
}

// named resolves --program values.
func (o *Object) named(want Want, candidates []string) ([]pick, error) {
	var picked []pick
	for _, value := range want.Programs {
		name, word, directed := strings.Cut(value, ":")
		if o.Spec.Programs[name] == nil {
			return nil, fault.Usage("programs: "+or(candidates, "none"), "no program %q in %s", name, o.Path)
		}
		if err := o.checkRuns(name, want, candidates); err != nil {
			return nil, err
		}
		p := pick{name: name, ways: o.direction(name)}
		if directed {
			var err error
			if p.ways, err = parseWays(word); err != nil {
				return nil, err
			}
		}
		if p.ways == 0 {
			p.ways = both
		}
		picked = append(picked, p)
	}
	return picked, nil
}

// byName takes directions from sections and names. A single program without one
// is for both.
func (o *Object) byName(candidates []string) ([]pick, error) {
	var picked []pick
	var unknown []string
	for _, name := range candidates {
		p := pick{name: name, ways: o.direction(name)}
		if p.ways == 0 {
			unknown = append(unknown, name)
		}
		picked = append(picked, p)
	}
	if len(candidates) == 1 && len(unknown) == 1 {
		picked[0].ways = both
		return picked, nil
	}
	if len(unknown) > 0 {
		return nil, fault.Usage("choose with --program NAME:ingress|egress|both", "%s has several programs, and nothing says for which direction: %s", o.Path, strings.Join(unknown, ", "))
	}
	return picked, nil
}

// checkRuns refuses a program that was written for another place in the kernel.
func (o *Object) checkRuns(name string, want Want, candidates []string) error {
	prog := o.Spec.Programs[name]
	switch {
	case runs(prog.Type, want):
		return nil
	case prog.Type == ebpf.UnspecifiedProgram:
		return fault.Usage("if it is meant for tc: --as sched_cls", "the section of program %s, %s, says no type", name, prog.SectionName)
	default:
		return fault.Usage("programs: "+or(candidates, "none"), "program %s (%s, section %s) is no tc program", name, prog.Type, prog.SectionName)
	}
}

// direction reads the direction of a program from its section, where the part in
// front counts, then from the words of its name; 0 if neither says.
func (o *Object) direction(name string) ways {
	for _, text := range append(strings.Split(o.Spec.Programs[name].SectionName, "/"), name) {
		if found := wordWays(text); found == ingress || found == egress {
			return found
		}
	}
	return 0
}

// wordWays is the directions that the words of a name say.
func wordWays(text string) ways {
	var found ways
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
		switch word {
		case "ingress":
			found |= ingress
		case "egress":
			found |= egress
		}
	}
	return found
}
