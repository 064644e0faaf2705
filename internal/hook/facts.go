// SPDX-License-Identifier: Apache-2.0

package hook

import (
	"errors"
	"time"

	"github.com/cilium/ebpf"
)

// programFacts is what the kernel says about the programs that are listed
// together. Many links have the same ones.
type programFacts map[ebpf.ProgramID]programFact

type programFact struct {
	name, tag string
	loadTime  time.Duration
}

func (p programFacts) of(id ebpf.ProgramID) programFact {
	fact, ok := p[id]
	if !ok {
		fact = askForProgram(id)
		p[id] = fact
	}
	return fact
}

// askForProgram returns nothing for a program that was unloaded meanwhile.
func askForProgram(id ebpf.ProgramID) programFact {
	prog, err := ebpf.NewProgramFromID(id)
	if err != nil {
		return programFact{}
	}
	info, err := prog.Info()
	if err = errors.Join(err, prog.Close()); err != nil {
		return programFact{}
	}
	fact := programFact{name: info.Name, tag: info.Tag}
	if at, ok := info.LoadTime(); ok {
		fact.loadTime = at
	}
	return fact
}

// describe adds what is known of the program, if the entry is one.
func (e *Entry) describe(facts programFacts) {
	if e.ProgramID == 0 {
		return
	}
	fact := facts.of(e.ProgramID)
	e.ProgramName, e.ProgramTag, e.LoadTime = fact.name, fact.tag, fact.loadTime
}
