// SPDX-License-Identifier: Apache-2.0

package linktable

// ChangeKind says what happened.
type ChangeKind uint8

const (
	// LinkNew is a link that has come to be in its namespace, made there or
	// moved in.
	LinkNew ChangeKind = iota + 1
	// LinkChanged is a link that was there: its name, state or peer changed.
	LinkChanged
	// LinkGone is a link that was deleted. The end of another namespace is
	// not told link by link; its peers here are gone one by one.
	LinkGone
	// LinkMoved is a link that left its namespace for another.
	LinkMoved
	// Resync tells that messages were lost and the links were listed again.
	// What that changed in the table's own namespace was told before; what
	// happened in others meanwhile was not.
	Resync
	// Stale tells that messages were lost and listing the links again did not
	// work. It is tried again; Resync follows when it has worked.
	Stale
)

// String names the kind for logs.
func (k ChangeKind) String() string {
	switch k {
	case LinkNew:
		return "new"
	case LinkChanged:
		return "changed"
	case LinkGone:
		return "gone"
	case LinkMoved:
		return "moved"
	case Resync:
		return "resync"
	case Stale:
		return "stale"
	}
	return "unknown"
}

// Change is one thing that happened to the links of a namespace.
type Change struct {
	Kind ChangeKind
	// Link is the link as it is after the change, or was before it went. It
	// is empty for Resync and Stale.
	Link Link
	// NSID is the id of the namespace where it happened, and to which Link
	// belongs. NoNSID is the table's own.
	NSID int
	// MovedTo is the id of the namespace that the link went to, given in the
	// namespace that it left. NoNSID unless Kind is LinkMoved.
	MovedTo int
	// NewIndex is the interface index of the link where it went. 0 unless Kind
	// is LinkMoved.
	NewIndex int
	// Err says why the links could not be listed. nil unless Kind is Stale.
	Err error
}

func newChange(kind ChangeKind, link Link, nsid int) Change {
	return Change{Kind: kind, Link: link, NSID: nsid, MovedTo: NoNSID}
}
