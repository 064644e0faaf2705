// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/boathook/boathook/internal/fault"
	"github.com/boathook/boathook/internal/inventory"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/session"
)

func psCommand(e env) *cobra.Command {
	var attach attachFlags
	cmd := &cobra.Command{
		Use:   "ps [flags]",
		Short: "containers, their netns and links, and what is on their hooks",
		Long: `Lists containers and named network namespaces, their links inside and on the host,
and the programs that their packets meet, in that order, whoever put them there. Ours
are marked with an asterisk. Without targets it lists all.`,
		Example: `  boathook ps
  boathook ps --container 'web*' -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, err := e.psWriter(attach.format)
			if err != nil {
				return err
			}
			isHost, err := attach.targets.HostLink()
			if err != nil {
				return err
			}
			if err := e.privileged(cmd); err != nil {
				return err
			}
			list, err := session.List(cmd.Context(), attach.targets)
			if err != nil {
				return err
			}
			for _, failure := range list.Failures {
				e.say("%s", failure)
			}
			rows, err := inventory.Rows(list.Containers, isHost)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				return e.nothingThere(attach.targets)
			}
			return write(rows)
		},
	}
	attach.addTargets(cmd.Flags())
	cmd.Flags().StringVarP(&attach.format, "output", "o", "columns", "`FORMAT` of containers: columns, or json (one object a line)")
	cmd.Flags().SortFlags = false
	complete(cmd, map[string][]string{"output": {"columns", "json"}})
	return cmd
}

func (e env) psWriter(format string) (func([]output.PSRow) error, error) {
	return choice("--output", format, map[string]func([]output.PSRow) error{
		"columns": func(rows []output.PSRow) error {
			return output.WritePS(e.stdout, output.Options{Terminal: e.terminal, Width: e.width}, rows)
		},
		"json": func(rows []output.PSRow) error { return output.WritePSJSON(e.stdout, rows) },
	})
}

// nothingThere is an error only if something was asked for.
func (e env) nothingThere(t session.Targets) error {
	if !t.Empty() {
		return fault.NoMatch("ip link shows the names", "no container has a host link that matches %q", strings.Join(t.Interfaces, ", "))
	}
	e.say("no container is running, and no network namespace has a name")
	return nil
}
