// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/boathook/boathook/internal/doctor"
	"github.com/boathook/boathook/internal/output"
	"github.com/boathook/boathook/internal/session"
)

func doctorCommand(e env) *cobra.Command {
	var format string
	var runtimes []string
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "what this kernel and host can do, and what stands in the way",
		Long: `Tries what boathook needs of the kernel, reads the settings, rights and container
runtimes of this host, and says of each what it means and what helps. It changes
nothing and works without root, which then shows among what stands in the way.`,
		Example: `  boathook doctor
  boathook doctor -o json`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			write, err := e.reportWriter(format)
			if err != nil {
				return err
			}
			places, err := session.Places(runtimes)
			if err != nil {
				return err
			}
			facts, err := doctor.Gather()
			if err != nil {
				return err
			}
			facts.Runtimes = doctor.FindRuntimes(cmd.Context(), places)
			return write(doctor.Judge(facts))
		},
	}
	cmd.Flags().StringVarP(&format, "output", "o", "text", "`FORMAT` of the report: text, or json (one object)")
	cmd.Flags().StringArrayVar(&runtimes, "runtime", nil, "runtimes to ask: a `NAME`, docker[=SOCKET] or netns[=DIR] (default: all)")
	complete(cmd, map[string][]string{"output": {"text", "json"}})
	return cmd
}

func (e env) reportWriter(format string) (func(*doctor.Report) error, error) {
	return choice("--output", format, map[string]func(*doctor.Report) error{
		"text": func(r *doctor.Report) error {
			return r.WriteText(e.stdout, output.Options{Terminal: e.terminal, Width: e.width})
		},
		"json": func(r *doctor.Report) error { return r.WriteJSON(e.stdout) },
	})
}
