// SPDX-License-Identifier: Apache-2.0

package main

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/object"
	"github.com/boathook/boathook/internal/session"
)

// objectFlags say what to make of an object.
type objectFlags struct {
	programs, tails, sets, mapSets []string
	events, maps                   []string
	as, pinPath                    string
	interval                       time.Duration
}

func (f *objectFlags) add(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.programs, "program", nil, "program to run: `NAME` or NAME:ingress|egress|both")
	flags.StringVar(&f.as, "as", "", "`TYPE` of programs whose section says none: sched_cls")
	flags.StringArrayVar(&f.tails, "tail", nil, "put a program into a prog array: `MAP[N]=PROGRAM`")
	flags.StringArrayVar(&f.sets, "set", nil, "give a parameter (const volatile global) its value: `NAME=VALUE`")
	flags.StringArrayVar(&f.mapSets, "map-set", nil, "put an entry into a map: `MAP:KEY=VALUE`")
	flags.StringArrayVar(&f.events, "event", nil, "type of the records of an event map: `MAP:STRUCT`")
	flags.StringArrayVar(&f.maps, "map", nil, "print the entries of a map at the end: `NAME` or all")
	flags.DurationVar(&f.interval, "interval", 0, "print the maps also whenever this `TIME` has passed, as 5s")
	flags.StringVar(&f.pinPath, "pin-path", "", "`FOLDER` on a bpffs for maps that ask to be pinned (default: they are private)")
}

// open reads the object and applies the flags.
func (f *objectFlags) open(path, direction string) (*object.Object, object.Chosen, error) {
	if f.as != "" && f.as != "sched_cls" {
		return nil, object.Chosen{}, fault.Usage("sched_cls", "--as %s means nothing", f.as)
	}
	o, err := object.Open(path)
	if err != nil {
		return nil, object.Chosen{}, err
	}
	for _, step := range []struct {
		values []string
		apply  func(string) error
	}{{f.tails, o.Tail}, {f.sets, o.Set}, {f.mapSets, o.MapSet}} {
		for _, value := range step.values {
			if err := step.apply(value); err != nil {
				return nil, object.Chosen{}, err
			}
		}
	}
	chosen, err := o.Choose(object.Want{Programs: f.programs, AsSchedCLS: f.as != "", Direction: direction})
	return o, chosen, err
}

func runCommand(e env) *cobra.Command {
	var attach attachFlags
	var obj objectFlags
	cmd := &cobra.Command{
		Use:   "run OBJECT [flags]",
		Short: "load a tc object, attach it to the targets, print its events until interrupted",
		Long: `Loads the tc programs of an ELF object, attaches them to the targets, those that
appear later included, and prints the programs' events until interrupted. Whatever
the programs do or return, every packet goes on, unless --verdict says otherwise.`,
		Example: `  boathook run drops.o --container web
  boathook run stats.o --netns blue --map all --for 10s -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if attach.targets.Empty() {
				return fault.Usage("--container NAME, --netns NAME, --interface LINK, or --all for every container", "run needs a target")
			}
			cfg := session.Config{Name: strings.TrimSuffix(filepath.Base(args[0]), ".o"), Env: e.session(attach.level())}
			if err := attach.fill(&cfg); err != nil {
				return err
			}
			var err error
			if cfg.Object, cfg.Chosen, err = obj.open(args[0], attach.direction); err != nil {
				return err
			}
			cfg.Events, cfg.Maps, cfg.Interval, cfg.PinPath = obj.events, obj.maps, obj.interval, obj.pinPath
			if err := e.privileged(cmd); err != nil {
				return err
			}
			return session.Run(cmd.Context(), cfg)
		},
	}
	attach.add(cmd)
	obj.add(cmd.Flags())
	complete(cmd, map[string][]string{"as": {"sched_cls"}})
	cmd.Flags().SortFlags = false
	cmd.ValidArgsFunction = objectFiles
	return cmd
}

// objectFiles has the shell offer files of objects for the only argument.
func objectFiles(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{"o"}, cobra.ShellCompDirectiveFilterFileExt
}
