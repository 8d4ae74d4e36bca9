package notify_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// post is a sender that records the messages and returns the configured error.
type post struct {
	mu     sync.Mutex
	answer error
	taken  []domain.EmailMessage
	tries  int
	before func()
}

func (p *post) Channel() domain.Channel { return domain.ChannelMail }

func (p *post) Send(_ context.Context, email domain.EmailMessage) error {
	if p.before != nil {
		p.before()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if p.answer == nil {
		p.taken = append(p.taken, email)
	}
	return p.answer
}

func (p *post) count() (tries, taken int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tries, len(p.taken)
}

func (p *post) set(answer error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = answer
}

// office is a worker with a real queue.
type office struct {
	*kit.Kit
	*notify.Worker
	post *post

	mu       sync.Mutex
	failures []notify.Failure
}

func newOffice(t *testing.T, queue func(ports.MessageQueue) ports.MessageQueue) *office {
	t.Helper()
	o := &office{Kit: kit.New(t), post: &post{}}
	var q ports.MessageQueue = o.Store.Messages()
	if queue != nil {
		q = queue(q)
	}
	o.Worker = notify.NewWorker(q, o.Sealer, o.Clock, notify.WorkerConfig{Poll: time.Millisecond, OnFailure: o.note},
		o.post)
	return o
}

func (o *office) note(f notify.Failure) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures = append(o.failures, f)
}

func (o *office) noted() []notify.Failure {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]notify.Failure(nil), o.failures...)
}

// queue puts a reset email into the outbox of a change, valid for half an hour.
func (o *office) queue(t *testing.T, name string) {
	t.Helper()
	key := o.CaseFolder.Fold(name)
	user := domain.User{
		ID: domain.UserID(o.IDs.NewID(domain.UserPrefix)), Username: name, UsernameKey: key, Email: key + "@example.com",
		EmailKey: key + "@example.com", Role: domain.RoleUser, Status: domain.StatusActive, Directory: "local",
	}
	messages, err := o.Emails.PasswordReset(user, "token-of-"+name, o.Clock.Now().Add(30*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	var out domain.Outbox
	out.Send(messages...)
	if err := o.Store.Users().Create(t.Context(), user, out); err != nil {
		t.Fatal(err)
	}
}

func (o *office) deliver(t *testing.T) int {
	t.Helper()
	n, err := o.Deliver(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMessagesAreSentOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.queue(t, "john")
	o.deliver(t)
	o.Clock.Forward(time.Hour)
	o.deliver(t)
	tries, taken := o.post.count()
	if tries != 1 || taken != 1 {
		t.Fatalf("%d tries delivered %d messages, want one each", tries, taken)
	}
	if got := o.post.taken[0]; got.To != "john@example.com" || !strings.Contains(got.Text, "/reset?token=token-of-john") {
		t.Errorf("the message to %s differs from the one that was built:\n%s", got.To, got.Text)
	}
	if failures := o.noted(); len(failures) != 0 {
		t.Errorf("failures were reported: %v", failures)
	}
}

func TestWorkersShareAQueue(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	for _, name := range []string{
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r",
		"s", "t",
	} {
		o.queue(t, name)
	}
	var wg sync.WaitGroup
	for range 4 {
		worker := notify.NewWorker(o.Store.Messages(), o.Sealer, o.Clock, notify.WorkerConfig{Parallel: 3, OnFailure: o.note},
			o.post)
		wg.Go(func() {
			for {
				if n, err := worker.Deliver(t.Context()); n == 0 || err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if tries, taken := o.post.count(); tries != 20 || taken != 20 {
		t.Errorf("%d tries delivered %d messages, want 20", tries, taken)
	}
}

func TestOutageDelaysMessagesWithoutLoss(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.post.set(errors.New("connection refused"))
	o.queue(t, "john")
	// 5, 10, 20, 40 … seconds, each time only when it is due.
	for try, seconds := range []int{5, 10, 20, 40, 80, 160, 300, 300} {
		if n := o.deliver(t); n != 1 {
			t.Fatalf("try %d: %d messages were due", try, n)
		}
		o.Clock.Forward(time.Duration(seconds)*time.Second - time.Millisecond)
		if n := o.deliver(t); n != 0 {
			t.Fatalf("try %d: the message was tried again too early", try)
		}
		o.Clock.Forward(time.Millisecond)
	}
	o.post.set(nil)
	o.deliver(t)
	if tries, taken := o.post.count(); tries != 9 || taken != 1 {
		t.Errorf("%d tries delivered %d messages, want 9 and one", tries, taken)
	}
	failures := o.noted()
	if len(failures) != 8 || failures[0].Dropped || failures[0].Channel != domain.ChannelMail || failures[0].ID == "" {
		t.Errorf("the reported failures are %+v", failures)
	}
}

func TestExpiredMessagesAreDropped(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.post.set(errors.New("connection refused"))
	o.queue(t, "john")
	for range 60 {
		o.deliver(t)
		o.Clock.Forward(time.Minute)
	}
	o.post.set(nil)
	o.deliver(t)
	if _, taken := o.post.count(); taken != 0 {
		t.Error("an expired message was sent")
	}
	failures := o.noted()
	if len(failures) == 0 || !failures[len(failures)-1].Dropped {
		t.Errorf("the drop was not reported: %+v", failures)
	}
}

func TestUndeliverableMessagesAreDropped(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.post.set(domain.ErrUndeliverable.Because(errors.New("550")))
	o.queue(t, "john")
	o.deliver(t)
	o.Clock.Forward(time.Hour)
	o.deliver(t)
	if tries, _ := o.post.count(); tries != 1 {
		t.Errorf("%d tries, want one", tries)
	}
	if failures := o.noted(); len(failures) != 1 || !failures[0].Dropped {
		t.Errorf("the reported failures are %+v", failures)
	}
}

// forgetful is a queue whose DoneMessage fails while down is set.
type forgetful struct {
	ports.MessageQueue
	down atomic.Bool
}

func (q *forgetful) DoneMessage(ctx context.Context, id domain.MessageID) error {
	if q.down.Load() {
		return fault.ErrStorage
	}
	return q.MessageQueue.DoneMessage(ctx, id)
}

func TestSentMessagesAreNotResentWhileTheStoreIsDown(t *testing.T) {
	t.Parallel()
	var queue *forgetful
	o := newOffice(t, func(q ports.MessageQueue) ports.MessageQueue {
		queue = &forgetful{MessageQueue: q}
		return queue
	})
	queue.down.Store(true)
	o.queue(t, "john")
	for range 3 {
		o.deliver(t)
		o.Clock.Forward(3 * time.Minute) // the lease is over
	}
	queue.down.Store(false)
	o.deliver(t)
	o.Clock.Forward(3 * time.Minute)
	if n := o.deliver(t); n != 0 {
		t.Error("the message is still in the queue")
	}
	if tries, taken := o.post.count(); tries != 1 || taken != 1 {
		t.Errorf("%d tries delivered %d messages, want one", tries, taken)
	}
}

func TestMessagesWithoutTheirKeyStayQueued(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.queue(t, "john")
	stranger := kit.New(t)
	blind := notify.NewWorker(o.Store.Messages(), stranger.Sealer, o.Clock, notify.WorkerConfig{OnFailure: o.note}, o.post)
	if _, err := blind.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Clock.Forward(5 * time.Second)
	o.deliver(t)
	if _, taken := o.post.count(); taken != 1 || len(o.noted()) != 1 {
		t.Errorf("%d messages were delivered, %d failures reported; want one each", taken, len(o.noted()))
	}
}

func TestMessagesWithoutASenderStayQueued(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	o.queue(t, "john")
	idle := notify.NewWorker(o.Store.Messages(), o.Sealer, o.Clock, notify.WorkerConfig{})
	if _, err := idle.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Clock.Forward(5 * time.Second)
	o.deliver(t)
	if _, taken := o.post.count(); taken != 1 {
		t.Error("the message was lost on a node that sends no mail")
	}
}

func TestRunCompletesSendsInProgress(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	sending, stop := make(chan struct{}), make(chan struct{})
	o.post.before = func() {
		close(sending)
		<-stop
	}
	o.queue(t, "john")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.Run(ctx)
	}()
	<-sending
	cancel()
	close(stop)
	<-ended
	if _, taken := o.post.count(); taken != 1 {
		t.Error("the send was aborted")
	}
	o.Clock.Forward(time.Hour)
	if n := o.deliver(t); n != 0 {
		t.Error("the delivered message is still in the queue")
	}
}

// closed is a queue that fails.
type closed struct{ ports.MessageQueue }

func (closed) ClaimMessages(context.Context, time.Time, time.Time, int) ([]domain.Message, error) {
	return nil, fault.ErrStorage
}

func TestRunReportsQueueFailures(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	worker := notify.NewWorker(closed{}, o.Sealer, o.Clock, notify.WorkerConfig{OnFailure: func(f notify.Failure) {
		o.note(f)
		cancel()
	}}, o.post)
	worker.Run(ctx)
	if failures := o.noted(); len(failures) != 1 || failures[0].ID != "" || !errors.Is(failures[0].Err, fault.ErrStorage) {
		t.Errorf("the reported failures are %+v", failures)
	}
}
