package connlimit

// connList is a list of connections. Unlike container/list it allocates nothing when a
// connection moves, which happens several times for each request.
type connList struct {
	front, back *conn
	len         int
}

// pushBack adds a connection that is in no list.
func (l *connList) pushBack(c *conn) {
	c.previous, c.next = l.back, nil
	if l.back == nil {
		l.front = c
	} else {
		l.back.next = c
	}
	l.back, l.len = c, l.len+1
}

// remove removes a connection of this list.
func (l *connList) remove(c *conn) {
	if c.previous == nil {
		l.front = c.next
	} else {
		c.previous.next = c.next
	}
	if c.next == nil {
		l.back = c.previous
	} else {
		c.next.previous = c.previous
	}
	l.len--
}
