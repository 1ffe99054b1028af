package cluster

// Freeze has a node say nothing any more, as if its process had been stopped, and
// returns what lets it go on.
func (m *Member) Freeze() (thaw func()) {
	m.beating.Lock()
	return m.beating.Unlock
}
