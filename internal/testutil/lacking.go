// SPDX-License-Identifier: Apache-2.0

package testutil

import (
	"errors"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/features"
)

// Lacking returns the errors, for SkipIfNotSupported, of every helper and type
// of map in spec that this kernel lacks for tc programs. What the kernel says
// when it refuses such an object is EINVAL, as for any other fault.
func Lacking(spec *ebpf.CollectionSpec) error {
	var errs []error
	for _, m := range spec.Maps {
		errs = append(errs, features.HaveMapType(m.Type))
	}
	for _, p := range spec.Programs {
		for _, ins := range p.Instructions {
			if ins.IsBuiltinCall() {
				errs = append(errs, features.HaveProgramHelper(ebpf.SchedCLS, asm.BuiltinFunc(ins.Constant)))
			}
		}
	}
	return errors.Join(errs...)
}
