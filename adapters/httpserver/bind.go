package httpserver

// Param declares a path parameter that holds an ID of type T.
type Param[T any] struct {
	Name  string
	Parse func(text string) (T, error)
	// Absent is the error for text that is no ID: the same as for an ID that does not exist.
	Absent error
}

// Bind returns a Handler that parses the parameter once and passes the ID on. It binds a Route.Check as well.
func (p Param[T]) Bind(handle func(r *Request, id T) error) Handler {
	return func(r *Request) error {
		id, err := p.Parse(r.Param(p.Name))
		if err != nil {
			return p.Absent
		}
		return handle(r, id)
	}
}

// BindBody returns a Handler that decodes the body as Request.Decode does and passes it on.
func BindBody[In any](handle func(r *Request, in In) error) Handler {
	return func(r *Request) error {
		var in In
		if err := r.Decode(&in); err != nil {
			return err
		}
		return handle(r, in)
	}
}

// BindOptional is BindBody, but passes on a zero In when there is no body.
func BindOptional[In any](handle func(r *Request, in In) error) Handler {
	return func(r *Request) error {
		var in In
		if err := r.decodeOptional(&in); err != nil {
			return err
		}
		return handle(r, in)
	}
}

func (r *Request) decodeOptional(into any) error {
	if !r.HasBody() {
		return nil
	}
	return r.Decode(into)
}

// BindBoth returns a Handler that parses the parameter, then decodes the body.
func BindBoth[T, In any](p Param[T], handle func(r *Request, id T, in In) error) Handler {
	return p.Bind(func(r *Request, id T) error {
		var in In
		if err := r.Decode(&in); err != nil {
			return err
		}
		return handle(r, id, in)
	})
}

// BindBothOptional returns a Handler that parses the parameter, then decodes the body if there is one.
func BindBothOptional[T, In any](p Param[T], handle func(r *Request, id T, in In) error) Handler {
	return p.Bind(func(r *Request, id T) error {
		var in In
		if err := r.decodeOptional(&in); err != nil {
			return err
		}
		return handle(r, id, in)
	})
}
