// SPDX-License-Identifier: Apache-2.0

// Package container says what a container is to Boathook, who reports
// containers, and how a user picks some of them.
//
// A [Source] watches one container runtime and reports the containers that run
// as [Event] values: first everything that runs, then what changes. A
// [Selector] is what a user wrote on the command line; it matches containers
// by name, id, image, label and runtime.
//
// The sources are in the packages below this one, each with the outside thing
// it talks to. They pass one conformance suite, package containertest.
package container
