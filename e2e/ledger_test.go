package e2e_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
)

// A promise is what an acknowledged operation survives.
type promise int

const (
	powerSafe   promise = iota // a power cut
	crashSafe                  // one once a powerSafe operation that was asked for later was answered
	processSafe                // the crash of the process: the state of an upload, which a client can begin anew
)

// A thing is one of the things that a registry remembers. A ledger holds its
// value as text, "" where it does not exist.
type thing struct {
	kind       thingKind
	repository string
	name       string
}

type thingKind string

const (
	repositoryThing thingKind = "repository" // no name; value: its own
	tagThing        thingKind = "tag"        // name: tag; value: digest
	imageThing      thingKind = "image"      // name: digest; value: the same
	blobThing       thingKind = "blob"       // name: digest; value: the same
	policyThing     thingKind = "policy"     // no name; value: the document
	uploadThing     thingKind = "upload"     // name: location; value: bytes received, or uploadDone
)

// uploadDone is the value of an upload that has become a blob.
const uploadDone = "done"

// An operation is one request that changes things, all or none.
type operation struct {
	promise  promise
	changes  map[thing]string
	sent     int // the time when the client began to ask
	answered int // and when it had the answer that it was done; never without one
}

const (
	never   = math.MaxInt
	settled = -1 // when what was found after a crash was asked for
)

// A ledger is what clients asked of a registry and what it acknowledged. Of each
// thing the operations are in the order in which they were asked for: one client
// alone changes it.
type ledger struct {
	// now tells the time. Of what a server did before it answered, everything
	// has a smaller time than the answer.
	now func() int

	mu         sync.Mutex
	operations map[thing][]*operation
	images     map[string]image   // by digest
	contents   map[string]content // of an upload, by location
	ending     map[string]bool    // uploads that were told to become a blob, by location
	violations []error
	answers    int // acknowledged operations
	unanswered int // operations without any answer
}

func newLedger(now func() int) *ledger {
	return &ledger{now: now, operations: map[thing][]*operation{}, images: map[string]image{}, contents: map[string]content{}, ending: map[string]bool{}}
}

// begin writes down what is going to be asked.
func (l *ledger) begin(p promise, changes map[thing]string) *operation {
	l.mu.Lock()
	defer l.mu.Unlock()
	o := &operation{promise: p, changes: changes, sent: l.now(), answered: never}
	for changed := range changes {
		l.operations[changed] = append(l.operations[changed], o)
	}
	return o
}

// end writes down the answer and returns whether the client may go on with what
// it changed: not when it cannot know what happened. A refusal is a violation
// unless the test expected it: clients ask only for what can be done.
func (l *ledger) end(o *operation, err error) (known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		o.answered = l.now()
		l.answers++
		return true
	case !isAnswer(err):
		l.unanswered++
	case isRefusal(err):
		l.violations = append(l.violations, fmt.Errorf("refused: %w", err))
		l.strike(o)
	}
	return false
}

// withdraw takes out what was refused as the test expected.
func (l *ledger) withdraw(o *operation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.strike(o)
}

func (l *ledger) strike(o *operation) {
	for changed := range o.changes {
		history := slices.DeleteFunc(l.operations[changed], func(other *operation) bool { return other == o })
		if l.operations[changed] = history; len(history) == 0 {
			delete(l.operations, changed)
		}
	}
}

// violate notes what must never happen.
func (l *ledger) violate(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.violations = append(l.violations, err)
}

// isAnswer reports whether err is an answer of the server.
func isAnswer(err error) bool {
	_, ok := errors.AsType[*statusError](err)
	return ok
}

// isRefusal reports whether err is an answer of the server that says why not,
// rather than a failure of the server or of the connection.
func isRefusal(err error) bool {
	answer, ok := errors.AsType[*statusError](err)
	return ok && answer.status < 500
}

// acknowledged is how many operations were.
func (l *ledger) acknowledged() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers
}

// value is what a thing is, and whether that is known.
func (l *ledger) value(one thing) (value string, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	history := l.operations[one]
	if len(history) == 0 {
		return "", true
	}
	last := history[len(history)-1]
	return last.changes[one], last.answered != never
}

// things are those of the ledger, in an order of their own.
func (l *ledger) things() []thing {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]thing, 0, len(l.operations))
	for one := range l.operations {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b thing) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.repository, b.repository), cmp.Compare(a.name, b.name))
	})
	return all
}

// A crash is what happened to the server, and when.
type crash struct {
	time   int
	power  bool // is gone too
	synced int  // until then crashSafe operations have become powerSafe
}

// killed is the end of the server's process.
func (l *ledger) killed() crash {
	return crash{time: l.now()}
}

// powerCut is the end of the machine's power. Every crashSafe operation has
// become powerSafe when an operation of that kind, asked for later, was
// answered.
func (l *ledger) powerCut(time int) crash {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := crash{time: time, power: true, synced: -1}
	for _, history := range l.operations {
		for _, o := range history {
			if o.promise == powerSafe && o.answered <= time {
				c.synced = max(c.synced, o.sent)
			}
		}
	}
	return c
}

// survives reports whether an operation must be there after the crash.
func (c crash) survives(o *operation) bool {
	return o.answered <= c.time && (!c.power || o.promise == powerSafe || o.promise == crashSafe && o.answered <= c.synced)
}

// allowed are the values that a thing may have after a crash: what the last
// operation that survives has made of it, and what each later one would have.
func (l *ledger) allowed(one thing, c crash) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := []string{""}
	for _, o := range l.operations[one] {
		if o.sent >= c.time {
			break // had no effect before the crash
		}
		if c.survives(o) {
			values = nil
		}
		values = append(values, o.changes[one])
	}
	return values
}

// check compares what was found after a crash with what may be there.
func (l *ledger) check(found map[thing]string, c crash) (broken []error) {
	for one, value := range found {
		allowed := l.allowed(one, c)
		if one.kind == uploadThing && uploadWithin(value, allowed) || slices.Contains(allowed, value) {
			continue
		}
		broken = append(broken, fmt.Errorf("%s %s in %s is %q, want one of %q", one.kind, one.name, one.repository, value, allowed))
	}
	for one := range found {
		for _, o := range l.operations[one] {
			broken = append(broken, l.checkWhole(o, found, c))
		}
	}
	return slices.DeleteFunc(broken, func(err error) bool { return err == nil })
}

// uploadWithin reports whether an upload has at least as many bytes as must be
// there and at most as many as were sent. Of a part that broke any piece may be
// there. One that nobody asked for yet is unknown before its repository exists,
// and the id of one that has ended may serve for another.
func uploadWithin(value string, allowed []string) bool {
	if value == uploadDone {
		return len(allowed) == 1 && allowed[0] == ""
	}
	size, err := strconv.Atoi(value)
	if err != nil {
		return false
	}
	if size == 0 && slices.Contains(allowed, uploadDone) {
		return true // its id is as good as a new one's
	}
	least, most := math.MaxInt, 0
	for _, v := range allowed {
		n, err := strconv.Atoi(cmp.Or(v, "0"))
		if err != nil {
			continue
		}
		least, most = min(least, n), max(most, n)
	}
	return least <= size && size <= most
}

// checkWhole returns an error when an operation that may have happened or not
// has happened in part. Only the last one of its things still shows.
func (l *ledger) checkWhole(o *operation, found map[thing]string, c crash) error {
	if o.sent >= c.time || c.survives(o) {
		return nil
	}
	happened, not := 0, 0
	for one, value := range o.changes {
		history := l.operations[one]
		at := slices.Index(history, o)
		before := ""
		if at > 0 {
			before = history[at-1].changes[one]
		}
		got, looked := found[one]
		if !looked || before == value || at+1 < len(history) && history[at+1].sent < c.time || one.kind == uploadThing {
			continue
		}
		if got == value {
			happened++
		} else {
			not++
		}
	}
	if happened > 0 && not > 0 {
		return fmt.Errorf("an operation happened in part: %v", o.changes)
	}
	return nil
}

// settle begins a new life after a crash: what was found is what there is, and
// whatever was only asked for afterwards never happened.
func (l *ledger) settle(found map[thing]string, c crash) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for one, value := range found {
		o := &operation{changes: map[thing]string{one: value}, sent: settled}
		if one.kind == uploadThing {
			o.promise = processSafe // whatever made it so
		}
		l.operations[one] = []*operation{o}
	}
	for one, history := range l.operations {
		history = slices.DeleteFunc(history, func(o *operation) bool { return o.sent >= c.time })
		if l.operations[one] = history; len(history) == 0 {
			delete(l.operations, one)
		}
	}
}
