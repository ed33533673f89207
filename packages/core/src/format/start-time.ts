/** Envoy's default for times: ISO 8601 with milliseconds, in UTC. */
const DEFAULT = '%Y-%m-%dT%H:%M:%E3SZ';

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** `%f` and its kin are Envoy's: fractions of a second; `%s` seconds since the epoch. The rest is strftime's, as far as it has a meaning in UTC. */
const SPECIFIER = /%(?:E([0-9]+)S|([1-9]?)f|([YmdHMSjaAbBeyIpTDFRZzsnt%]))/g;

/** Formats a time in UTC as Envoy's `START_TIME` does. (access_log usage: START_TIME) */
export function timeFormat(format: string): (ms: number) => string {
  const text = format === '' ? DEFAULT : format;
  return (ms) => {
    const date = new Date(ms);
    return text.replace(SPECIFIER, (_, seconds: string | undefined, digits: string | undefined, letter: string) => {
      if (seconds !== undefined) return `${two(date.getUTCSeconds())}.${fraction(ms, Number(seconds))}`;
      if (letter === undefined) return fraction(ms, digits === '' || digits === undefined ? 9 : Number(digits));
      return part(date, ms, letter);
    });
  };
}

function part(date: Date, ms: number, letter: string): string {
  const hours = date.getUTCHours();
  switch (letter) {
    case 'Y':
      return `${date.getUTCFullYear()}`;
    case 'y':
      return two(date.getUTCFullYear() % 100);
    case 'm':
      return two(date.getUTCMonth() + 1);
    case 'd':
      return two(date.getUTCDate());
    case 'e':
      return `${date.getUTCDate()}`.padStart(2, ' ');
    case 'H':
      return two(hours);
    case 'I':
      return two(hours % 12 === 0 ? 12 : hours % 12);
    case 'p':
      return hours < 12 ? 'AM' : 'PM';
    case 'M':
      return two(date.getUTCMinutes());
    case 'S':
      return two(date.getUTCSeconds());
    case 'j':
      return `${Math.floor((ms - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1}`.padStart(3, '0');
    case 'a':
      return (DAYS[date.getUTCDay()] as string).slice(0, 3);
    case 'A':
      return DAYS[date.getUTCDay()] as string;
    case 'b':
      return (MONTHS[date.getUTCMonth()] as string).slice(0, 3);
    case 'B':
      return MONTHS[date.getUTCMonth()] as string;
    case 'T':
      return `${two(hours)}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
    case 'R':
      return `${two(hours)}:${two(date.getUTCMinutes())}`;
    case 'F':
      return `${date.getUTCFullYear()}-${two(date.getUTCMonth() + 1)}-${two(date.getUTCDate())}`;
    case 'D':
      return `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${two(date.getUTCFullYear() % 100)}`;
    case 'Z':
      return 'UTC';
    case 'z':
      return '+0000';
    case 's':
      return `${Math.floor(ms / 1000)}`;
    case 'n':
      return '\n';
    case 't':
      return '\t';
    default:
      return '%';
  }
}

/** The clock knows milliseconds: further digits are zeros. */
function fraction(ms: number, digits: number): string {
  return `${Math.floor(ms) % 1000}`.padStart(3, '0').padEnd(digits, '0').slice(0, digits);
}

function two(number: number): string {
  return `${number}`.padStart(2, '0');
}
