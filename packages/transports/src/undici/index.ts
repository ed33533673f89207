import { restoreDispatcher } from './before.ts';

export { Client, Dispatcher, Dispatcher1Wrapper, errors } from 'undici';

restoreDispatcher();
