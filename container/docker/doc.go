// SPDX-License-Identifier: Apache-2.0

// Package docker reports the containers of a docker daemon, or of anything
// else on this machine that speaks its API, such as podman's service.
//
// It subscribes to the daemon's events first and lists second, so nothing falls
// between the two. An event only says that a container is worth a look; what is
// reported comes from inspecting it. Containers are inspected side by side, so
// one that the daemon cannot answer for holds up no other. Every half minute
// the list is compared again, since a daemon drops events for a reader that it
// finds too slow.
package docker
