// SPDX-License-Identifier: Apache-2.0

package demo

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/container"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/session"
)

// objectName is what the object is called in messages and records.
const objectName = "conversations"

// Config is a demonstration.
type Config struct {
	// For is how long there is traffic.
	For    time.Duration
	Format session.Format
	Env    session.Env
}

// Run makes the network, traces its traffic until cfg.For is over or ctx is
// done, and removes everything. The story in words follows the summary where
// records are printed for people.
//
// Returns an error if traffic was lost or not seen. It needs the rights of
// [boathook.New].
func Run(ctx context.Context, cfg Config) error {
	s, err := perform(ctx, cfg)
	if err != nil || s.unread {
		return err
	}
	if cfg.Format == session.Columns {
		if err := s.tell(cfg.Env.Stderr); err != nil {
			return fmt.Errorf("tell what was seen: %w", err)
		}
	}
	return s.judge()
}

// perform leaves nothing behind but the story.
func perform(ctx context.Context, cfg Config) (_ *story, err error) {
	n, err := newNetwork()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, n.close()) }()
	s, err := listen(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	run, err := sessionConfig(cfg, n)
	if err != nil {
		return nil, err
	}
	return trace(ctx, cfg.For, client{ns: n.client}, run)
}

func sessionConfig(cfg Config, n *network) (session.Config, error) {
	spec, err := loadFlows()
	if err != nil {
		return session.Config{}, fmt.Errorf("read embedded object: %w", err)
	}
	o := &object.Object{Path: objectName, Spec: spec}
	chosen, err := o.Choose(object.Want{})
	if err != nil {
		return session.Config{}, fmt.Errorf("choose program: %w", err)
	}
	return session.Config{
		Object: o, Chosen: chosen, Name: objectName, Verdict: boathook.Observe,
		Sources: []container.Source{n}, NoFollow: true,
		Format: cfg.Format, Fields: fields(cfg.Format), Env: cfg.Env,
	}, nil
}

// fields are the columns that matter here; JSON has everything.
func fields(format session.Format) string {
	if format != session.Columns {
		return ""
	}
	return "time,container.name,direction,event.proto,event.saddr,event.sport,event.daddr,event.dport,event.len"
}

// trace lets the client talk while the session watches.
func trace(ctx context.Context, length time.Duration, c client, run session.Config) (*story, error) {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	s := &story{seen: map[string]int{}}
	var talking sync.WaitGroup
	run.Printed = s.see
	run.Ready = func() {
		talking.Go(func() {
			defer stop()
			s.talk = c.talk(watching, length)
		})
	}
	err := session.Run(watching, run)
	s.unread = watching.Err() == nil
	stop()
	talking.Wait()
	if ctx.Err() != nil && fault.Code(err) == fault.CodeNoMatch {
		err = nil // interrupted before anything was attached
	}
	return s, err
}
