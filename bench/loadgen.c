/* A load generator for servers of the y-websocket protocol: many clients in one thread, on raw sockets.
 *
 *   loadgen type  option=value...    clients type into rooms; every edit that each of them receives is accounted for
 *   loadgen join  option=value...    clients open a document one after another, or all at once
 *
 * Options of both
 *   port=N            where the server listens on 127.0.0.1
 *   rooms=FILE        one room a line: PATH NAME FIRST SEED (see `read_rooms`)
 *   dialect=y|hocuspocus   hocuspocus puts the room's name before each message and wants to be asked for entry
 *   clients=N         clients in each room
 *   settle=S          how long to wait when all clients are in, or the document is made, before measuring (1)
 * Options of `type`
 *   rate=HZ           open loop: so many edits a second from each writer, evenly staggered over all of them; or
 *   window=N          closed loop: each writer has so many edits that not everybody has received yet
 *   seconds=S         how long it goes on
 *   writers=N         only the first N clients of each room type (all, unless given)
 *   letters=N         characters an edit inserts (1)
 *   replace=1         each edit also deletes what the one before it inserted, so that the text does not grow
 *   cursors=1         a cursor (an awareness state) goes with each edit, as y-codemirror sends it
 *   padding=N         bytes that are added to each cursor
 *   edits=0           no edits, cursors only
 *   acks=1            the server acknowledges what it has stored (a studio's ?ack=1), and all of it must be in the end
 *   stall=S           after S seconds the last client of the first room stops reading
 *   most=N            no more than so many edits of each writer; a closed loop ends when everybody has them all
 *   patience=S        how long to wait in the end for what has not arrived (15)
 * Options of `join`
 *   at_once=1         do not wait for one to have the document before the next one comes
 *   dump=FILE         where to write the update that the last one received
 *   least=N           an answer of fewer bytes is not the document yet: some servers send that after an empty answer
 *
 * It prints `START` when all clients are in and the measuring begins, `STALL` when the reader stops, `STOP` when the
 * measuring ends, and one line of JSON. The process that started it reads the server's CPU time at these lines.
 *
 * An edit of writer W with number N is the Yjs item (client id of W, clock N * letters), made of letters that follow
 * from W and N, so the receiver can tell what it got and what it should have got: each client must receive each edit of
 * each other client of its room once, whole, and in the order in which its author made them. What others write into the
 * document meanwhile (agents, the server itself) is read past, whatever it is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

enum { SYNC = 0, AWARENESS = 1, AUTH = 2, SYNC_REPLY = 4, ACK = 100 };
enum { STEP_1 = 0, STEP_2 = 1, UPDATE = 2 };
enum { GC = 0, DELETED = 1, JSON = 2, BINARY = 3, STRING = 4, EMBED = 5, FORMAT = 6, TYPE = 7, ANY = 8, SUBDOCUMENT = 9, SKIP = 10 };
enum { TEXT_FRAME = 1, BINARY_FRAME = 2, CLOSE_FRAME = 8, PING_FRAME = 9, PONG_FRAME = 10 };

#define SECOND 1000000000ull
#define LONGEST_WAIT (60 * SECOND) /* for the document */
#define STRIDE 7919            /* between the client ids of neighbours, so that they are no run of numbers */

/* -- what was asked for */

static struct {
  bool join, hocuspocus, cursors, edits, acks, at_once, replace;
  int port, clients, writers, window, letters, padding;
  double rate, seconds, stall, patience, settle;
  u64 most, least;
  const char *rooms, *dump;
} asked = {.clients = 2, .letters = 1, .edits = true, .seconds = 5, 
         .stall = -1, .patience = 15, .settle = 1, .most = UINT64_MAX};

static void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "loadgen: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  exit(2);
}

static void *grown(void *memory, size_t count, size_t size) {
  memory = realloc(memory, count * size);
  if (!memory) die("out of memory");
  return memory;
}

static void *zeroed(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (!memory) die("out of memory");
  return memory;
}

static u64 now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (u64)time.tv_sec * SECOND + (u64)time.tv_nsec;
}

/* -- bytes that grow, and numbers of seven bits a byte */

typedef struct {
  u8 *at;
  size_t length, room;
} Bytes;

static void reserve(Bytes *bytes, size_t more) {
  if (bytes->length + more <= bytes->room) return;
  bytes->room = 2 * (bytes->length + more);
  bytes->at = grown(bytes->at, bytes->room, 1);
}

static void put(Bytes *bytes, const void *data, size_t length) {
  reserve(bytes, length);
  if (length) memcpy(bytes->at + bytes->length, data, length);
  bytes->length += length;
}

static void put_byte(Bytes *bytes, u8 byte) { put(bytes, &byte, 1); }

static void put_number(Bytes *bytes, u64 number) {
  for (; number > 127; number >>= 7) put_byte(bytes, (u8)(number & 127) | 128);
  put_byte(bytes, (u8)number);
}

static void put_buffer(Bytes *bytes, const void *data, size_t length) {
  put_number(bytes, length);
  put(bytes, data, length);
}

static void take_off_front(Bytes *bytes, size_t length) {
  if (!length) return;
  memmove(bytes->at, bytes->at + length, bytes->length - length);
  bytes->length -= length;
}

typedef struct {
  const u8 *at, *end;
  bool short_of; /* it ended too early */
} Reader;

static u64 number(Reader *reader) {
  u64 value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (reader->at >= reader->end) break;
    u8 byte = *reader->at++;
    value |= (u64)(byte & 127) << shift;
    if (byte < 128) return value;
  }
  reader->short_of = true;
  return 0;
}

static Reader buffer(Reader *reader) {
  u64 length = number(reader);
  if (length > (u64)(reader->end - reader->at)) {
    reader->short_of = true;
    length = 0;
  }
  Reader inside = {reader->at, reader->at + length, false};
  reader->at += length;
  return inside;
}

/* -- rooms and clients */

typedef struct {
  char *path, *name;
  Bytes first; /* of each client's first item: the info byte and the neighbours or parent, as on the wire */
  Bytes seed;  /* an update that the first client sends to make the document; may be empty */
} Room;

/* What a reader has of one author: every unit before `end`, but for the holes. */
typedef struct {
  u64 end;
  struct Hole {
    u64 from, to;
  } *holes;
  size_t count, room;
} Progress;

typedef struct {
  int socket, index, room, seat; /* seat: which of its room's clients it is */
  Bytes in, out, message, payload;
  bool wants_to_write, stalled, closed, upgraded, synced;
  int close_code;
  u64 edits;       /* made so far */
  u64 *sent;       /* when each was */
  u32 *missing_at; /* how many of the others have not received each */
  u64 kept;        /* how many of these there is room for */
  Progress *progress; /* by seat of the author */
  u64 *cursor;     /* by seat of the author: the newest cursor that came */
  u64 cursors, frames, acked;
  u64 asked_at, first_byte_at, whole_at, document_bytes;
} Client;

static Room *rooms;
static Client *clients;
static int room_count, client_count, poller;
static u64 base_id; /* of the first client */

static bool measuring, accounting;
static u64 stop_at;

/* what the accounting found */
static u64 finished; /* edits that everybody has */
static u64 delivered, doubled, out_of_order, damaged, unreadable, frames_in, bytes_in, cursors_in;

static u64 id_of(const Client *client) { return base_id + (u64)client->index * STRIDE; }
static Client *in_seat(int room, int seat) { return &clients[room * asked.clients + seat]; }
static u8 letter(u64 clock) { return (u8)('a' + clock % 26); }

static Bytes unhex(const char *text) {
  Bytes bytes = {0};
  unsigned byte;
  for (; sscanf(text, "%2x", &byte) == 1 && text[0] && text[1]; text += 2) put_byte(&bytes, (u8)byte);
  return bytes;
}

static Bytes contents(const char *path) {
  Bytes bytes = {0};
  FILE *file = fopen(path, "rb");
  if (!file) die("cannot read %s", path);
  u8 piece[65536];
  for (size_t length; (length = fread(piece, 1, sizeof piece, file)) > 0;) put(&bytes, piece, length);
  fclose(file);
  return bytes;
}

/* Each line: the path to open, the room's name, how the first item of each client hangs in the document (hex), and a
 * file with the update that makes the document, or `-` where it is there already. */
static void read_rooms(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) die("cannot read %s", path);
  char where[512], name[256], first[256], seed[1024];
  while (fscanf(file, "%511s %255s %255s %1023s", where, name, first, seed) == 4) {
    rooms = grown(rooms, (size_t)room_count + 1, sizeof(Room));
    Bytes made = strcmp(seed, "-") ? contents(seed) : (Bytes){0};
    rooms[room_count++] = (Room){strdup(where), strdup(name), unhex(first), made};
  }
  fclose(file);
  if (!room_count) die("%s names no room", path);
}

/* -- latency: a histogram with steps of less than one percent */

enum { STEPS = 128, BUCKETS = STEPS * 40 };
typedef struct {
  u64 count[BUCKETS], total, longest;
} Histogram;
static Histogram calm, stalled; /* before a reader stalls, and after */

static int bucket_of(u64 microseconds) {
  if (microseconds < STEPS) return (int)microseconds;
  int power = 63 - __builtin_clzll(microseconds) - 7;
  int bucket = STEPS * power + (int)(microseconds >> power);
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double value_of(int bucket) {
  if (bucket < 2 * STEPS) return bucket;
  int power = bucket / STEPS - 1;
  return (double)((u64)(bucket - STEPS * power) << power);
}

static void note(Histogram *histogram, u64 nanoseconds) {
  u64 microseconds = nanoseconds / 1000;
  histogram->count[bucket_of(microseconds)]++;
  histogram->total++;
  if (microseconds > histogram->longest) histogram->longest = microseconds;
}

static double percentile(const Histogram *histogram, double share) {
  u64 wanted = (u64)((double)histogram->total * share), seen = 0;
  for (int bucket = 0; bucket < BUCKETS; bucket++)
    if ((seen += histogram->count[bucket]) > wanted) return value_of(bucket) / 1000;
  return (double)histogram->longest / 1000;
}

static bool someone_stalls;
static Histogram *current(void) { return someone_stalls ? &stalled : &calm; }

/* -- sending */

static void watch(Client *client, bool writing) {
  client->wants_to_write = writing;
  u32 events = (client->stalled ? 0 : EPOLLIN) | (writing ? EPOLLOUT : 0);
  struct epoll_event event = {.events = events, .data.u32 = (u32)client->index};
  epoll_ctl(poller, EPOLL_CTL_MOD, client->socket, &event);
}

static void gone(Client *client, int code, const char *reason) {
  client->closed = true;
  client->close_code = code;
  epoll_ctl(poller, EPOLL_CTL_DEL, client->socket, NULL);
  if (!client->stalled) die("client %d was closed: %d %s", client->index, code, reason);
}

static void flush(Client *client) {
  size_t done = 0;
  while (done < client->out.length) {
    ssize_t written = write(client->socket, client->out.at + done, client->out.length - done);
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      gone(client, 0, strerror(errno));
      return;
    }
    done += (size_t)written;
  }
  take_off_front(&client->out, done);
  if (client->wants_to_write != (client->out.length > 0)) watch(client, client->out.length > 0);
}

static void put_frame(Client *client, int opcode, const u8 *data, size_t length) {
  static const u8 mask[4] = {1, 2, 3, 4};
  Bytes *out = &client->out;
  put_byte(out, 0x80 | (u8)opcode);
  if (length < 126) {
    put_byte(out, 0x80 | (u8)length);
  } else {
    int size = length < 65536 ? 2 : 8;
    put_byte(out, 0x80 | (size == 2 ? 126 : 127));
    while (size--) put_byte(out, (u8)(length >> (8 * size)));
  }
  put(out, mask, 4);
  reserve(out, length);
  for (size_t at = 0; at < length; at++) out->at[out->length + at] = data[at] ^ mask[at & 3];
  out->length += length;
}

/* A message of the protocol, after the room's name where the dialect wants it. */
static void begin_message(Client *client, u64 kind) {
  client->message.length = 0;
  const char *name = rooms[client->room].name;
  if (asked.hocuspocus) put_buffer(&client->message, name, strlen(name));
  put_number(&client->message, kind);
}

static void end_message(Client *client) {
  put_frame(client, BINARY_FRAME, client->message.at, client->message.length);
}

static void send_sync(Client *client, u64 step, const void *data, size_t length) {
  begin_message(client, SYNC);
  put_number(&client->message, step);
  put_buffer(&client->message, data, length);
  end_message(client);
  client->frames += step != STEP_1;
}

static void send_auth(Client *client) {
  begin_message(client, AUTH);
  put_number(&client->message, 0);
  put_buffer(&client->message, "x", 1);
  end_message(client);
}

static void send_nothing_known(Client *client) { send_sync(client, STEP_1, "\0", 1); }

/* The state that y-codemirror sends with every key: who one is, and where one's cursor stands. `seq` counts them. */
static void send_cursor(Client *client) {
  static char padding[65536];
  memset(padding, 'x', sizeof padding);
  char state[70000];
  int length = snprintf(
      state, sizeof state,
      "{\"user\":{\"name\":\"user %d\",\"color\":\"#30bced\"},\"seq\":%llu,\"cursor\":{\"anchor\":{\"type\":null,"
      "\"tname\":\"t\",\"item\":{\"client\":%llu,\"clock\":%llu},\"assoc\":0},\"head\":null}%s%.*s%s}",
      client->index, (unsigned long long)++client->cursors, (unsigned long long)id_of(client),
      (unsigned long long)(client->edits * (u64)asked.letters), asked.padding ? ",\"pad\":\"" : "", asked.padding, padding,
      asked.padding ? "\"" : "");
  Bytes *entries = &client->payload;
  entries->length = 0;
  put_number(entries, 1);
  put_number(entries, id_of(client));
  put_number(entries, client->cursors);
  put_buffer(entries, state, (size_t)length);
  begin_message(client, AWARENESS);
  put_buffer(&client->message, entries->at, entries->length);
  end_message(client);
}

/* -- an edit, as the Yjs update of one key (or of `letters` characters at once) */

static void put_item(Bytes *update, const Client *client, u64 clock) {
  put_number(update, 1); /* clients */
  put_number(update, 1); /* items */
  put_number(update, id_of(client));
  put_number(update, clock);
  if (clock == 0) {
    put(update, rooms[client->room].first.at, rooms[client->room].first.length);
  } else {
    put_byte(update, 0x80 | STRING);
    put_number(update, id_of(client));
    put_number(update, clock - 1);
  }
  put_number(update, (u64)asked.letters);
  for (int at = 0; at < asked.letters; at++) put_byte(update, letter(clock + (u64)at));
}

static void put_deletion(Bytes *update, const Client *client, u64 clock) {
  if (!asked.replace || clock == 0) {
    put_number(update, 0);
    return;
  }
  put_number(update, 1); /* clients */
  put_number(update, id_of(client));
  put_number(update, 1); /* ranges */
  put_number(update, clock - (u64)asked.letters);
  put_number(update, (u64)asked.letters);
}

static void keep_time(Client *client) {
  if (client->edits == client->kept) {
    client->kept = client->kept ? 2 * client->kept : 256;
    client->sent = grown(client->sent, client->kept, sizeof(u64));
    client->missing_at = grown(client->missing_at, client->kept, sizeof(u32));
  }
  client->sent[client->edits] = now();
  client->missing_at[client->edits] = (u32)asked.clients - 1;
}

static void send_edit(Client *client) {
  if (client->edits >= asked.most) return;
  keep_time(client);
  if (asked.edits) {
    u64 clock = client->edits * (u64)asked.letters;
    Bytes *update = &client->payload;
    update->length = 0;
    put_item(update, client, clock);
    put_deletion(update, client, clock);
    send_sync(client, UPDATE, update->at, update->length);
  }
  client->edits++;
  if (asked.cursors) send_cursor(client);
  flush(client);
}

/* -- the accounting of what arrives */

static void received(Client *author, u64 edit, u64 at) {
  delivered++;
  note(current(), at - author->sent[edit]);
  if (--author->missing_at[edit]) return;
  finished++;
  if (asked.window && measuring) send_edit(author);
}

static void open_hole(Progress *progress, u64 from, u64 to) {
  if (progress->count == progress->room) {
    progress->room = progress->room ? 2 * progress->room : 4;
    progress->holes = grown(progress->holes, progress->room, sizeof(struct Hole));
  }
  progress->holes[progress->count++] = (struct Hole){from, to};
}

/* Whether `unit` was missing; it is not any more. */
static bool fill_hole(Progress *progress, u64 unit) {
  for (size_t at = 0; at < progress->count; at++) {
    struct Hole *hole = &progress->holes[at];
    if (unit < hole->from || unit >= hole->to) continue;
    u64 to = hole->to;
    hole->to = unit;
    if (hole->from == hole->to) *hole = progress->holes[--progress->count];
    if (unit + 1 < to) open_hole(progress, unit + 1, to);
    return true;
  }
  return false;
}

static u64 units_missing(const Progress *progress, u64 made) {
  u64 missing = made - progress->end;
  for (size_t at = 0; at < progress->count; at++) missing += progress->holes[at].to - progress->holes[at].from;
  return missing;
}

/* Units `clock` to `clock + length` of an author have arrived, with these letters (NULL: deleted by now). */
/* The client of that id; NULL when it is not one of ours. */
static Client *author_of(u64 id) {
  u64 index = (id - base_id) / STRIDE;
  return id < base_id || (id - base_id) % STRIDE || index >= (u64)client_count ? NULL : &clients[index];
}

static void account(Client *reader, u64 id, u64 clock, u64 length, const u8 *letters, u64 at) {
  u64 letters_each = (u64)asked.letters;
  Client *author = author_of(id);
  if (!author) return;
  if (author == reader) return; /* some servers send people what they have written themselves */
  if (author->room != reader->room || clock + length > author->edits * letters_each) {
    damaged++;
    return;
  }
  Progress *progress = &reader->progress[author->seat];
  if (clock > progress->end) open_hole(progress, progress->end, clock);
  for (u64 unit = clock; unit < clock + length; unit++) {
    bool last = (unit + 1) % letters_each == 0, late = unit < progress->end && fill_hole(progress, unit);
    damaged += letters && letters[unit - clock] != letter(unit);
    if (unit < progress->end && !late) {
      doubled += last;
      continue;
    }
    out_of_order += late && last;
    if (last) received(author, unit / letters_each, at);
  }
  if (clock + length > progress->end) progress->end = clock + length;
}

static void skip_place(Reader *reader, u8 info) {
  if (info & 0x80) number(reader), number(reader);
  if (info & 0x40) number(reader), number(reader);
  if (info & 0xC0) return;
  if (number(reader) == 1) {
    buffer(reader);
  } else {
    number(reader), number(reader);
  }
  if (info & 0x20) buffer(reader);
}

/* A value as lib0 writes it: a type, counted down from 127, and what belongs to it. */
static void skip_any(Reader *reader, int depth) {
  static const u8 lengths[] = {[122 - 120] = 8, [123 - 120] = 8, [124 - 120] = 4};
  u8 type = reader->at < reader->end ? *reader->at++ : 0;
  if (type == 119 || type == 116) {
    buffer(reader);
  } else if (type == 125) {
    number(reader); /* its sign is one of the bits */
  } else if (type == 118 || type == 117) {
    u64 count = number(reader);
    for (u64 value = 0; value < count && !reader->short_of; value++) {
      if (type == 118) buffer(reader);
      if (depth > 60) reader->short_of = true;
      else skip_any(reader, depth + 1);
    }
  } else if (type >= 122 && type <= 124) {
    u8 length = lengths[type - 120];
    if (reader->end - reader->at < length) reader->short_of = true;
    else reader->at += length;
  } else if (type < 116 || type > 127) {
    reader->short_of = true;
  }
}

/* What an item holds that is no letter; how long it is, in units of its author's clock. */
static u64 skip_content(Reader *reader, int kind) {
  u64 length = kind == JSON || kind == ANY ? number(reader) : 1;
  switch (kind) {
    case JSON:
      for (u64 value = 0; value < length && !reader->short_of; value++) buffer(reader);
      break;
    case ANY:
      for (u64 value = 0; value < length && !reader->short_of; value++) skip_any(reader, 0);
      break;
    case FORMAT:
      buffer(reader), buffer(reader);
      break;
    case TYPE: {
      u64 type = number(reader);
      if (type == 3 || type == 5) buffer(reader); /* XML has names */
      break;
    }
    case SUBDOCUMENT:
      buffer(reader), skip_any(reader, 0);
      break;
    case BINARY:
    case EMBED:
      buffer(reader);
      break;
    default:
      reader->short_of = true;
  }
  return length;
}

static void read_item(Client *client, Reader *reader, u64 id, u64 *clock, u64 at) {
  u8 info = reader->at < reader->end ? *reader->at++ : 0xFF;
  int kind = info & 31;
  if (kind == SKIP || kind == GC) {
    u64 length = number(reader);
    if (kind == GC) account(client, id, *clock, length, NULL, at);
    *clock += length;
    return;
  }
  skip_place(reader, info);
  if (kind == STRING) {
    Reader text = buffer(reader);
    u64 length = (u64)(text.end - text.at); /* our letters are ASCII */
    account(client, id, *clock, length, text.at, at);
    *clock += length;
  } else if (kind == DELETED) {
    u64 length = number(reader);
    account(client, id, *clock, length, NULL, at);
    *clock += length;
  } else if (author_of(id)) {
    reader->short_of = true; /* none of ours writes anything else */
  } else {
    *clock += skip_content(reader, kind);
  }
}

static void read_update(Client *client, Reader reader, u64 at) {
  u64 authors = number(&reader);
  for (u64 author = 0; author < authors && !reader.short_of; author++) {
    u64 items = number(&reader), id = number(&reader), clock = number(&reader);
    for (u64 item = 0; item < items && !reader.short_of; item++) read_item(client, &reader, id, &clock, at);
  }
  unreadable += reader.short_of;
}

/* The number after `"seq":` in an awareness state; 0 when it has none. */
static u64 sequence_in(Reader state) {
  const char *found = memmem(state.at, (size_t)(state.end - state.at), "\"seq\":", 6);
  return found ? strtoull(found + 6, NULL, 10) : 0;
}

static void read_cursors(Client *client, Reader reader, u64 at) {
  Reader entries = buffer(&reader);
  u64 count = number(&entries);
  for (u64 entry = 0; entry < count && !entries.short_of; entry++) {
    u64 id = number(&entries);
    number(&entries); /* its clock: servers may count anew */
    Reader state = buffer(&entries);
    u64 index = (id - base_id) / STRIDE, sequence = sequence_in(state);
    if (id < base_id || (id - base_id) % STRIDE || index >= (u64)client_count || !sequence) continue;
    Client *author = &clients[index];
    if (author == client || author->room != client->room || sequence <= client->cursor[author->seat]) continue;
    client->cursor[author->seat] = sequence;
    cursors_in++;
    if (!asked.edits && accounting) note(current(), at - author->sent[sequence - 1]);
  }
  unreadable += entries.short_of || reader.short_of;
}

static void take_document(Client *client, Reader update, u64 at) {
  if ((u64)(update.end - update.at) < asked.least) {
    client->first_byte_at = 0; /* what follows is the document */
    return;
  }
  client->synced = true;
  client->document_bytes = (u64)(update.end - update.at);
  if (!client->whole_at) client->whole_at = at;
  if (asked.join && asked.dump && client->index == client_count - 1) {
    FILE *file = fopen(asked.dump, "wb");
    if (!file || fwrite(update.at, 1, client->document_bytes, file) != client->document_bytes) die("cannot write %s", asked.dump);
    fclose(file);
  }
}

static void on_message(Client *client, const u8 *data, size_t length, u64 at) {
  Reader reader = {data, data + length, false};
  frames_in++;
  if (asked.hocuspocus) buffer(&reader);
  u64 kind = number(&reader);
  if (kind == ACK && asked.acks) client->acked = number(&reader);
  if (kind == AWARENESS && accounting) read_cursors(client, reader, at);
  if (kind != SYNC && kind != SYNC_REPLY) return;
  u64 step = number(&reader);
  Reader body = buffer(&reader);
  if (step == STEP_1) {
    send_sync(client, STEP_2, "\0\0", 2); /* as every client does: what it has beyond the server, which is nothing */
    flush(client);
  } else if (!accounting) {
    if (step == STEP_2 || asked.least) take_document(client, body, at);
  } else {
    read_update(client, body, at);
  }
}

/* -- websocket frames in */

/* When the first bytes of the answer to our first question came, though it may go on for long. */
static void notice_answer(Client *client, const u8 *payload, size_t there, u64 at) {
  Reader reader = {payload, payload + there, false};
  if (asked.hocuspocus) buffer(&reader);
  u64 kind = number(&reader);
  if (kind != SYNC && kind != SYNC_REPLY) return;
  u64 step = number(&reader);
  if (!reader.short_of && (step == STEP_2 || (step == UPDATE && asked.least))) client->first_byte_at = at;
}

static void on_frame(Client *client, int opcode, bool last, const u8 *data, size_t length, u64 at) {
  static Bytes joined; /* frames of one message come one after another, and no server here sends them in pieces */
  if (opcode == PING_FRAME) {
    put_frame(client, PONG_FRAME, data, length);
    flush(client);
  } else if (opcode == CLOSE_FRAME) {
    char reason[128] = "";
    if (length > 2) snprintf(reason, sizeof reason, "%.*s", (int)(length - 2), data + 2);
    gone(client, length >= 2 ? data[0] << 8 | data[1] : 0, reason);
  } else if (opcode == BINARY_FRAME && last) {
    on_message(client, data, length, at);
  } else if (opcode == BINARY_FRAME || opcode == 0) {
    if (opcode == BINARY_FRAME) joined.length = 0;
    put(&joined, data, length);
    if (last) on_message(client, joined.at, joined.length, at);
  }
}

static void take_frames(Client *client, u64 at) {
  size_t done = 0;
  while (!client->closed && client->in.length - done >= 2) {
    const u8 *frame = client->in.at + done;
    size_t there = client->in.length - done, header = 2;
    u64 length = frame[1] & 127;
    int extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    header += (size_t)extra;
    if (there < header) break;
    if (extra) length = 0;
    for (int byte = 0; byte < extra; byte++) length = length << 8 | frame[2 + byte];
    if (!client->first_byte_at && there > header) notice_answer(client, frame + header, there - header, at);
    if (there < header + length) {
      reserve(&client->in, header + length);
      break;
    }
    on_frame(client, frame[0] & 15, frame[0] >> 7, frame + header, length, at);
    done += header + length;
  }
  take_off_front(&client->in, done);
}

static void take_handshake(Client *client) {
  u8 *end = memmem(client->in.at, client->in.length, "\r\n\r\n", 4);
  if (!end) return;
  if (client->in.length < 12 || memcmp(client->in.at, "HTTP/1.1 101", 12)) die("refused: %.200s", client->in.at);
  client->upgraded = true;
  take_off_front(&client->in, (size_t)(end + 4 - client->in.at));
  if (asked.hocuspocus) send_auth(client);
  send_nothing_known(client);
  flush(client);
}

static void readable(Client *client) {
  for (;;) {
    reserve(&client->in, 65536);
    ssize_t count = read(client->socket, client->in.at + client->in.length, client->in.room - client->in.length);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      gone(client, 0, count ? strerror(errno) : "the end of the stream");
      return;
    }
    client->in.length += (size_t)count;
    bytes_in += (u64)count;
    if (!client->upgraded) take_handshake(client);
    if (client->upgraded) take_frames(client, now());
    if (client->closed || count < 60000) return;
  }
}

/* Wait at most so long for something to arrive, and deal with it. */
static void pump(int milliseconds) {
  struct epoll_event events[256];
  int count = epoll_wait(poller, events, 256, milliseconds);
  for (int at = 0; at < count; at++) {
    Client *client = &clients[events[at].data.u32];
    bool ended = events[at].events & (EPOLLHUP | EPOLLERR);
    if (events[at].events & EPOLLOUT) flush(client);
    if (!client->closed && (ended || (events[at].events & EPOLLIN && !client->stalled))) readable(client);
  }
}

static void pump_for(u64 nanoseconds) {
  for (u64 until = now() + nanoseconds; now() < until;) pump(5);
}

/* -- coming in */

static void enter(Client *client, bool narrow) {
  client->socket = socket(AF_INET, SOCK_STREAM, 0);
  int one = 1, small = 4096;
  if (narrow) setsockopt(client->socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)asked.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  client->asked_at = now();
  if (connect(client->socket, (void *)&address, sizeof address)) die("cannot connect: %s", strerror(errno));
  setsockopt(client->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(client->socket, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = (u32)client->index};
  epoll_ctl(poller, EPOLL_CTL_ADD, client->socket, &event);
  char request[1024];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                        rooms[client->room].path, asked.port);
  put(&client->out, request, (size_t)length);
  flush(client);
}

static void wait_until_synced(Client *client) {
  for (u64 until = now() + LONGEST_WAIT; !client->synced; pump(5))
    if (now() > until) die("client %d was not sent the document within %llu s", client->index, LONGEST_WAIT / SECOND);
}

/* The first client of a room makes the document where there is none. When it is told what it has just sent, the server
 * has taken it. */
static void seed(Client *client) {
  const Bytes *update = &rooms[client->room].seed;
  if (!update->length) return;
  send_sync(client, UPDATE, update->at, update->length);
  for (u64 until = now() + LONGEST_WAIT;;) {
    client->synced = false;
    send_nothing_known(client);
    flush(client);
    wait_until_synced(client);
    if (client->document_bytes * 2 >= update->length) return;
    if (now() > until) die("the server did not take the document");
    pump_for(SECOND / 50);
  }
}

static void make_clients(int in_each_room) {
  client_count = room_count * in_each_room;
  clients = zeroed((size_t)client_count, sizeof(Client));
  for (int index = 0; index < client_count; index++) {
    Client *client = &clients[index];
    client->index = index;
    client->room = index / in_each_room;
    client->seat = index % in_each_room;
    client->progress = zeroed((size_t)in_each_room, sizeof(Progress));
    client->cursor = zeroed((size_t)in_each_room, sizeof(u64));
  }
}

static double cpu_of_self(void) {
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void say(const char *line) {
  puts(line);
  fflush(stdout);
}

/* -- loadgen type */

static Client *the_stalled(void) { return asked.stall < 0 ? NULL : in_seat(0, asked.clients - 1); }

static void everybody_enters(void) {
  for (int index = 0; index < client_count; index++) {
    Client *client = &clients[index];
    enter(client, client == the_stalled());
    wait_until_synced(client);
    if (client->seat == 0) seed(client);
  }
  pump_for((u64)(asked.settle * SECOND));
}

static void stall_when_due(u64 started) {
  if (asked.stall < 0 || someone_stalls || now() < started + (u64)(asked.stall * SECOND)) return;
  someone_stalls = true;
  the_stalled()->stalled = true;
  watch(the_stalled(), the_stalled()->wants_to_write);
  say("STALL");
}

/* Read what the server had sent to the reader that stopped, to learn whether and how it closed the connection. */
static void hear_out(Client *client) {
  int large = 1 << 20; /* or it would take minutes */
  setsockopt(client->socket, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
  for (u64 until = now() + 3 * SECOND; !client->closed && now() < until; pump(5)) readable(client);
}

static void type_at_a_rate(u64 started) {
  int writing = room_count * asked.writers;
  double gap = (double)SECOND / asked.rate / writing;
  u64 total = (u64)(asked.rate * writing * asked.seconds);
  for (u64 edit = 0; edit < total;) {
    u64 due = started + (u64)((double)edit * gap), time = now();
    if (time < due) {
      pump(due - time > 2000000 ? 1 : 0);
      continue;
    }
    int writer = (int)(edit % (u64)writing);
    /* Neighbours in time are in different rooms. */
    send_edit(in_seat(writer % room_count, writer / room_count));
    if ((++edit & 7) == 0) pump(0);
    stall_when_due(started);
  }
}

static void type_as_fast_as_it_goes(void) {
  for (int turn = 0; turn < asked.window; turn++)
    for (int room = 0; room < room_count; room++)
      for (int seat = 0; seat < asked.writers; seat++) send_edit(in_seat(room, seat));
  u64 all = asked.most == UINT64_MAX ? asked.most : asked.most * (u64)(room_count * asked.writers);
  while (now() < stop_at && finished < all) pump(1);
}

static u64 edits_made(void) {
  u64 made = 0;
  for (int index = 0; index < client_count; index++) made += clients[index].edits;
  return made;
}

static bool readers_have(u64 *missing_edits, u64 *missing_cursors, u64 *missing_acks) {
  *missing_edits = *missing_cursors = *missing_acks = 0;
  for (int index = 0; index < client_count; index++) {
    Client *reader = &clients[index];
    if (asked.acks && reader->acked < reader->frames && !reader->stalled) *missing_acks += reader->frames - reader->acked;
    for (int seat = 0; seat < asked.clients && !reader->stalled; seat++) {
      Client *author = in_seat(reader->room, seat);
      if (author == reader) continue;
      u64 made = asked.edits ? author->edits * (u64)asked.letters : 0;
      *missing_edits += units_missing(&reader->progress[seat], made) / (u64)asked.letters;
      *missing_cursors += reader->cursor[seat] < author->cursors;
    }
  }
  return !*missing_edits && !*missing_cursors && !*missing_acks;
}

static void run_type(void) {
  if (!asked.writers || asked.writers > asked.clients) asked.writers = asked.clients;
  make_clients(asked.clients);
  everybody_enters();

  accounting = measuring = true;
  frames_in = bytes_in = 0;
  double cpu = cpu_of_self();
  u64 started = now();
  stop_at = started + (u64)(asked.seconds * SECOND);
  say("START");
  if (asked.rate > 0) {
    type_at_a_rate(started);
  } else {
    type_as_fast_as_it_goes();
  }
  u64 stopped = now(), made = edits_made(), delivered_then = delivered, frames_then = frames_in, bytes_then = bytes_in;
  double took = (double)(stopped - started) / SECOND;
  cpu = (cpu_of_self() - cpu) / took;
  measuring = false;
  say("STOP");

  u64 edits, cursors, acks;
  for (u64 until = now() + (u64)(asked.patience * SECOND); !readers_have(&edits, &cursors, &acks) && now() < until;) pump(5);
  double drained = (double)(now() - stopped) / SECOND;
  accounting = false;
  Client *slow = the_stalled();
  if (slow) hear_out(slow);
  printf("{\"clients\":%d,\"rooms\":%d,\"seconds\":%.3f,\"edits\":%llu,\"delivered\":%llu,\"frames\":%llu,"
         "\"megabytes\":%.1f,\"cursors\":%llu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
         "\"stalled_p50_ms\":%.3f,\"stalled_p99_ms\":%.3f,\"stalled_max_ms\":%.3f,\"stalled_close\":%d,"
         "\"drain_seconds\":%.2f,\"generator_cpu\":%.2f,\"lost\":%llu,\"doubled\":%llu,\"out_of_order\":%llu,"
         "\"damaged\":%llu,\"unreadable\":%llu,\"lost_cursors\":%llu,\"unacknowledged\":%llu}\n",
         asked.clients, room_count, took, (unsigned long long)made, (unsigned long long)delivered_then,
         (unsigned long long)frames_then, (double)bytes_then / 1e6, (unsigned long long)cursors_in,
         percentile(&calm, .5), percentile(&calm, .99), (double)calm.longest / 1000, percentile(&stalled, .5),
         percentile(&stalled, .99), (double)stalled.longest / 1000, slow && slow->closed ? slow->close_code : -1, drained,
         cpu, (unsigned long long)edits, (unsigned long long)doubled, (unsigned long long)out_of_order,
         (unsigned long long)damaged, (unsigned long long)unreadable, (unsigned long long)cursors,
         (unsigned long long)acks);
}

/* -- loadgen join */

static void run_join(void) {
  int holders = rooms[0].seed.length > 0; /* who makes the document stays, so that the server keeps it */
  make_clients(asked.clients + holders);
  if (holders) {
    enter(&clients[0], false);
    wait_until_synced(&clients[0]);
    seed(&clients[0]);
    pump_for((u64)(asked.settle * SECOND));
  }
  say("START");
  u64 started = now();
  for (int index = holders; index < client_count; index++) {
    enter(&clients[index], false);
    if (!asked.at_once) wait_until_synced(&clients[index]);
  }
  for (int index = holders; index < client_count; index++) wait_until_synced(&clients[index]);
  double took = (double)(now() - started) / SECOND;
  say("STOP");

  Histogram *whole = &calm, *first = &stalled;
  for (int index = holders; index < client_count; index++) {
    note(whole, clients[index].whole_at - clients[index].asked_at);
    note(first, clients[index].first_byte_at - clients[index].asked_at);
  }
  printf("{\"clients\":%d,\"seconds\":%.3f,\"document_bytes\":%llu,\"first_byte_p50_ms\":%.3f,\"p50_ms\":%.3f,"
         "\"p99_ms\":%.3f,\"max_ms\":%.3f}\n",
         asked.clients, took, (unsigned long long)clients[client_count - 1].document_bytes, percentile(first, .5),
         percentile(whole, .5), percentile(whole, .99), (double)whole->longest / 1000);
}

static bool option(const char *argument, const char *name, const char **value) {
  size_t length = strlen(name);
  if (strncmp(argument, name, length) || argument[length] != '=') return false;
  *value = argument + length + 1;
  return true;
}

static void read_option(const char *argument) {
  const char *value;
  if (option(argument, "port", &value)) asked.port = atoi(value);
  else if (option(argument, "rooms", &value)) asked.rooms = value;
  else if (option(argument, "dialect", &value)) asked.hocuspocus = !strcmp(value, "hocuspocus");
  else if (option(argument, "clients", &value)) asked.clients = atoi(value);
  else if (option(argument, "rate", &value)) asked.rate = atof(value);
  else if (option(argument, "window", &value)) asked.window = atoi(value);
  else if (option(argument, "seconds", &value)) asked.seconds = atof(value);
  else if (option(argument, "writers", &value)) asked.writers = atoi(value);
  else if (option(argument, "letters", &value)) asked.letters = atoi(value);
  else if (option(argument, "replace", &value)) asked.replace = atoi(value);
  else if (option(argument, "cursors", &value)) asked.cursors = atoi(value);
  else if (option(argument, "padding", &value)) asked.padding = atoi(value);
  else if (option(argument, "edits", &value)) asked.edits = atoi(value);
  else if (option(argument, "acks", &value)) asked.acks = atoi(value);
  else if (option(argument, "stall", &value)) asked.stall = atof(value);
  else if (option(argument, "most", &value)) asked.most = strtoull(value, NULL, 10);
  else if (option(argument, "patience", &value)) asked.patience = atof(value);
  else if (option(argument, "settle", &value)) asked.settle = atof(value);
  else if (option(argument, "least", &value)) asked.least = strtoull(value, NULL, 10);
  else if (option(argument, "at_once", &value)) asked.at_once = atoi(value);
  else if (option(argument, "dump", &value)) asked.dump = value;
  else die("there is no option %s", argument);
}

int main(int count, char **arguments) {
  if (count < 2) die("say what to do: type or join");
  asked.join = !strcmp(arguments[1], "join");
  if (!asked.join && strcmp(arguments[1], "type")) die("say what to do: type or join");
  for (int at = 2; at < count; at++) read_option(arguments[at]);
  if (!asked.port || !asked.rooms) die("port= and rooms= are needed");
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  base_id = 0x10000000 + ((u64)getpid() * 2654435761u + (u64)time.tv_nsec) % 0xD0000000; /* new every time: 32 bits */
  poller = epoll_create1(0);
  read_rooms(asked.rooms);
  if (asked.join) {
    run_join();
  } else {
    run_type();
  }
  return 0;
}
