// SPDX-License-Identifier: Apache-2.0

package boathook

import (
	"context"
	"errors"

	"github.com/boathook/boathook/internal/dispatch"
)

// Replace puts another program in the place of the one that runs, on all
// attachments. Every packet is seen by one of the two: none by neither, none by
// both. Maps of the same name are kept with their contents, and must be of the
// same shape; event maps, prog arrays and constants are the new program's own, and
// so are all maps if one of the two is a program that the caller has loaded. The
// new program must serve the same directions.
//
// On error, the context's included, the old program runs on everywhere. The
// errors are those of [New], and [ErrClosed] after Close.
func (r *Runtime) Replace(ctx context.Context, program Program) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return closedError{}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if (program.Ingress == "") != (r.program.Ingress == "") || (program.Egress == "") != (r.program.Egress == "") {
		return errors.New("replace: the new program serves other directions")
	}
	opts := r.sourceOptions()
	opts.Inherit = r.source
	source, err := program.source(opts)
	if err != nil {
		return err
	}
	swaps, err := r.prepareSwapsLocked(ctx, source, program)
	if err == nil {
		err = dispatch.Commit(swaps...)
	}
	if err != nil {
		return errors.Join(err, dispatch.Retire(swaps), source.Abandon())
	}
	old := r.source
	r.source, r.program = source, program
	return errors.Join(dispatch.Retire(swaps), old.Close())
}

func (r *Runtime) prepareSwapsLocked(ctx context.Context, source *dispatch.Source, program Program) ([]*dispatch.Swap, error) {
	var swaps []*dispatch.Swap
	prepared := map[string]bool{}
	for key, loads := range r.loads {
		for _, l := range loads {
			if err := ctx.Err(); err != nil {
				return swaps, err
			}
			swap, err := l.Prepare(source, program.name(key.direction))
			if err != nil {
				return swaps, err
			}
			swaps = append(swaps, swap)
			prepared[program.name(key.direction)] = true
		}
	}
	// What the kernel has against a program that runs nowhere yet is known now too.
	for _, name := range program.names() {
		if prepared[name] {
			continue
		}
		if err := r.try(source, name); err != nil {
			return swaps, err
		}
	}
	return swaps, nil
}
