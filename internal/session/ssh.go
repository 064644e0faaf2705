// SPDX-License-Identifier: Apache-2.0

package session

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseSSH reads the two ends of the connection in SSH_CONNECTION. Anything else
// than what sshd writes is no connection.
func parseSSH(text string) (ends [2]netip.AddrPort, ok bool) {
	words := strings.Fields(text)
	if len(words) != 4 {
		return ends, false
	}
	for i := range ends {
		addr, err := netip.ParseAddr(words[2*i])
		if err != nil {
			return ends, false
		}
		port, err := strconv.ParseUint(words[2*i+1], 10, 16)
		if err != nil {
			return ends, false
		}
		ends[i] = netip.AddrPortFrom(addr.Unmap().WithZone(""), uint16(port))
	}
	return ends, true
}

// sparedConnection is the user's own ssh connection, which a program on the
// host's links would see with each line that it prints, and could cut.
func (r *run) sparedConnection() [2]netip.AddrPort {
	ends, ok := parseSSH(r.cfg.Env.SSHConnection)
	if !ok || r.cfg.IncludeSSH || !r.cfg.Targets.onlyInterfaces() {
		return [2]netip.AddrPort{}
	}
	r.say("your ssh connection from %s is left out\nhint: --include-ssh takes it in", ends[0])
	return ends
}
