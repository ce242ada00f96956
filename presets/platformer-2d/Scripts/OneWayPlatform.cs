using System.Collections;
using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>A platform one can jump through from below, and drop through by asking.</summary>
    [RequireComponent(typeof(BoxCollider2D), typeof(PlatformEffector2D))]
    public sealed class OneWayPlatform : MonoBehaviour
    {
        [SerializeField, Min(0.05f)] private float dropSeconds = 0.3f;

        private Collider2D surface;
        private WaitForSeconds dropWait;

        /// <summary>Lets one collider fall through for a moment.</summary>
        public void DropThrough(Collider2D rider)
        {
            StartCoroutine(Drop(rider));
        }

        private void Reset()
        {
            SetUp();
        }

        private void Awake()
        {
            surface = GetComponent<Collider2D>();
            dropWait = new WaitForSeconds(dropSeconds);
            SetUp();
        }

        private void SetUp()
        {
            GetComponent<BoxCollider2D>().usedByEffector = true;
            var effector = GetComponent<PlatformEffector2D>();
            effector.useOneWay = true;
            effector.useOneWayGrouping = true;
            effector.surfaceArc = 170f;
            effector.useSideFriction = false;
            effector.useSideBounce = false;
        }

        private IEnumerator Drop(Collider2D rider)
        {
            Physics2D.IgnoreCollision(surface, rider, true);
            yield return dropWait;
            if (rider != null) Physics2D.IgnoreCollision(surface, rider, false);
        }
    }
}
