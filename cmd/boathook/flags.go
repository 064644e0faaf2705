// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/boathook/boathook"
	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/session"
)

// attachFlags are those of every verb that attaches.
type attachFlags struct {
	targets                 session.Targets
	verdict, backend, order string
	rcuExpedite, format     string
	fields, where           string
	allowWrites, noFollow   bool
	includeSSH              bool
	verbose                 bool
	count                   uint64
	duration                time.Duration
	direction               string
}

func (f *attachFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	f.addTargets(flags)
	flags.StringVar(&f.direction, "direction", "both", "`DIRECTION` of traffic as the target sees it: ingress, egress or both")
	flags.StringVar(&f.backend, "backend", "auto", "`BACKEND` to attach through: auto, tcx (Linux 6.6 and newer) or clsact")
	flags.StringVar(&f.order, "order", "", "`PLACE` among the programs of a hook: first, last, before=ID or after=ID of a program (default: first to observe, else last)")
	flags.StringVar(&f.verdict, "verdict", "observe", "`MODE`, what counts of the program's verdicts: observe nothing, drop only drops, enforce everything")
	flags.BoolVar(&f.allowWrites, "allow-writes", false, "run programs that change packets")
	flags.StringVar(&f.rcuExpedite, "rcu-expedite", "auto", "`WHEN` to shorten the kernel's grace periods while attaching: auto or never")
	f.addOutput(flags)
	flags.StringVar(&f.where, "where", "", "print only records for which an `EXPRESSION` holds, as 'event.len > 100'")
	flags.Uint64Var(&f.count, "count", 0, "end after `N` records")
	flags.DurationVar(&f.duration, "for", 0, "end after this `TIME`, as 10s or 5m")
	flags.BoolVar(&f.includeSSH, "include-ssh", false, "with --interface: do not leave out your own ssh connection")
	flags.BoolVar(&f.noFollow, "no-follow", false, "take only what runs now")
	complete(cmd, map[string][]string{
		"direction":    {"ingress", "egress", "both"},
		"backend":      {"auto", "tcx", "clsact"},
		"order":        {"first", "last", "before=", "after="},
		"verdict":      {"observe", "drop", "enforce"},
		"rcu-expedite": {"auto", "never"},
		"output":       {"columns", "json", "none"},
	})
}

// complete offers the words of flags to the shell.
func complete(cmd *cobra.Command, words map[string][]string) {
	for flag, list := range words {
		offer := cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)
		_ = cmd.RegisterFlagCompletionFunc(flag, offer) //nolint:errcheck // fails for flags that are not there
	}
}

func (f *attachFlags) addTargets(flags *pflag.FlagSet) {
	t := &f.targets
	flags.StringArrayVarP(&t.Containers, "container", "c", nil, "containers by `NAME`, id or glob; !NAME leaves out")
	flags.StringArrayVar(&t.Images, "image", nil, "containers by image: a `GLOB`")
	flags.StringArrayVarP(&t.Labels, "label", "l", nil, "containers by labels: a `SELECTOR` as a=b, a!=b, 'a in (b,c)', a or !a")
	flags.StringArrayVar(&t.Netns, "netns", nil, "network namespaces by `NAME` (of ip netns) or path")
	flags.IntSliceVar(&t.PIDs, "pid", nil, "network namespaces by a process in them: a `PID`")
	flags.StringArrayVarP(&t.Interfaces, "interface", "i", nil, "host links by `NAME` or glob, in their own direction")
	flags.BoolVar(&t.All, "all", false, "every container")
	flags.StringArrayVar(&t.Runtimes, "runtime", nil, "runtimes to ask: a `NAME`, docker[=SOCKET] or netns[=DIR] (default: all)")
}

func (f *attachFlags) addOutput(flags *pflag.FlagSet) {
	flags.StringVarP(&f.format, "output", "o", "columns", "`FORMAT` of records: columns, json (one object a line) or none")
	flags.StringVar(&f.fields, "fields", "", "`PARTS` of the record to print, as container.name,event.len")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "say more on stderr; the whole log of the verifier")
}

// level is that of the log.
func (f *attachFlags) level() slog.Level {
	if f.verbose {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// fill reads the flags into a configuration.
func (f *attachFlags) fill(cfg *session.Config) error {
	cfg.Targets, cfg.AllowWrites, cfg.NoFollow = f.targets, f.allowWrites, f.noFollow
	cfg.IncludeSSH = f.includeSSH
	cfg.Fields, cfg.Where, cfg.Count, cfg.For = f.fields, f.where, f.count, f.duration
	if f.duration < 0 {
		return fault.Usage("--for 10s", "--for %s: time does not run back", f.duration)
	}
	if f.verbose {
		cfg.LogLevel = ebpf.LogLevelBranch
	}
	var err error
	if cfg.Format, err = parseFormat(f.format); err != nil {
		return err
	}
	if cfg.Verdict, err = choice("--verdict", f.verdict, map[string]boathook.Verdict{
		"observe": boathook.Observe, "drop": boathook.Drop, "enforce": boathook.Enforce,
	}); err != nil {
		return err
	}
	if cfg.Backend, err = choice("--backend", f.backend, map[string]boathook.Backend{
		"auto": boathook.Auto, "tcx": boathook.TCX, "clsact": boathook.Clsact,
	}); err != nil {
		return err
	}
	if cfg.NeverExpedite, err = choice("--rcu-expedite", f.rcuExpedite, map[string]bool{"auto": false, "never": true}); err != nil {
		return err
	}
	cfg.Order, err = parseOrder(f.order)
	return err
}

func parseFormat(text string) (session.Format, error) {
	return choice("--output", text, map[string]session.Format{
		"columns": session.Columns, "json": session.JSON, "none": session.None,
	})
}

// parseOrder reads first, last, before=ID and after=ID.
func parseOrder(text string) (boathook.Order, error) {
	word, id, relative := strings.Cut(text, "=")
	positions := map[string]boathook.Position{"": boathook.DefaultPosition, "first": boathook.First, "last": boathook.Last}
	if relative {
		positions = map[string]boathook.Position{"before": boathook.Before, "after": boathook.After}
	}
	position, known := positions[word]
	number, err := strconv.ParseUint(id, 10, 32)
	if !known || relative && err != nil {
		return boathook.Order{}, fault.Usage("first, last, before=ID or after=ID, where ID is the id of a program", "--order %s means nothing", text)
	}
	return boathook.Order{Position: position, Program: ebpf.ProgramID(number)}, nil
}

func choice[T any](flag, text string, values map[string]T) (T, error) {
	value, ok := values[text]
	if ok {
		return value, nil
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	return value, fault.Usage(strings.Join(names, ", "), "%s %s means nothing", flag, text)
}
