// SPDX-License-Identifier: Apache-2.0

// Package netnsdir reports the named network namespaces in a folder, by
// default those of ip-netns(8) in /run/netns, as containers.
//
// It follows the folder by inotify, also when the folder itself comes later or
// goes. A name is made in two steps, first a file and then a mount over it, and
// inotify tells only of the first; so a file that is no network namespace is
// looked at again for a while.
package netnsdir
