// For `node --import rococo-svchost/register`: other programs, such as test runners, load a service's sources as svchost
// does.
import { openSources } from './processor/source/sources.ts';

openSources();
